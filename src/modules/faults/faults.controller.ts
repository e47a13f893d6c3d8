import {
  Body,
  Controller,
  Get,
  Param,
  ParseEnumPipe,
  Put,
  StandardSchemaValidationPipe,
  UsePipes,
} from '@nestjs/common';
import { z } from 'zod';
import { type Fault, FaultsService } from './faults.service.js';

const switchSchema = z.strictObject({ active: z.boolean() });

@Controller('demo/faults')
export class FaultsController {
  constructor(private readonly faults: FaultsService) {}

  @Get()
  all(): Record<Fault, boolean> {
    return this.faults.all();
  }

  @Put(':fault')
  @UsePipes(new StandardSchemaValidationPipe())
  set(
    @Param('fault', new ParseEnumPipe({ flaky: 'flaky', broken: 'broken' } satisfies Record<Fault, Fault>))
    fault: Fault,
    @Body({ schema: switchSchema }) body: z.output<typeof switchSchema>,
  ): Record<Fault, boolean> {
    return this.faults.set(fault, body.active);
  }
}
