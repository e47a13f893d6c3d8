import { isShownName } from '../core/messaging/routing/routing-table.js';
import { nearestName } from './did-you-mean.js';
import { isGroup } from './settings.js';
import type { Shape, ValueShape } from './shape.js';

const NOT_SHOWN = 'not valid (value not shown)';
/** A number with or without a unit, too short for a password. */
const QUANTITY = /^[-+]?\d{1,7}([.,]\d{1,3})?\s?[A-Za-z]{0,3}$/;
const MAX_DIGITS = 8;

/**
 * What stands in place of a value that is allowed, as the rest of a sentence.
 *
 * A value may be a secret that stands at the wrong key, so that only a value that resembles an allowed one is shown.
 */
export function foundValue(value: unknown, shape: Shape | undefined, isSecret: boolean): string {
  if (Array.isArray(value)) return 'a list';
  if (isGroup(value)) return 'a group of keys';
  if (shape?.kind !== 'value') return 'a plain value';
  return isSecret || !isShown(value, shape) ? NOT_SHOWN : written(value);
}

function isShown(value: unknown, { type, choices }: ValueShape): boolean {
  if (typeof value === 'boolean') return true;
  if (typeof value === 'number') return String(value).length <= MAX_DIGITS;
  if (typeof value !== 'string') return false;
  return isQuantityOf(value, type) || (type !== 'text' && (isShownName(value) || resembles(value, choices)));
}

/** As people write it, also NaN, which JSON does not have. */
function written(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** A name that is close to a known one, or a plain word; undefined for any other text, which may be a secret. */
export function shownName(name: string, known: readonly string[]): string | undefined {
  return isShownName(name) || resembles(name, known) ? JSON.stringify(name) : undefined;
}

/** Keys are shown, unless one is rather an address or a text that stands at the wrong place. */
export function shownKey(key: string): string {
  return isPlainKey(key) ? key : '(a key that is not shown)';
}

/** Names that exist, for a hint. */
export function listed(names: readonly string[]): string {
  return names.filter(isPlainKey).join(', ');
}

function isPlainKey(key: string): boolean {
  return key.length <= 64 && !/[@\s]|:\/\//.test(key);
}

function resembles(text: string, choices: readonly string[] = []): boolean {
  return nearestName(text, choices) !== undefined;
}

function isQuantityOf(text: string, type: string): boolean {
  return ['number', 'duration', 'size'].includes(type) && QUANTITY.test(text);
}
