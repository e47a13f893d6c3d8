import { runConformanceTask } from 'switchyard/testing/conformance';
import { openFolder } from './conformance.js';

// The suite starts this program, and kills it.
void runConformanceTask((directory) => openFolder(directory));
