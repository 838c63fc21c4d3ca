import { brokenCamera } from './broken-camera.js';
import { drift } from './drift.js';
import { worseChallenger, wrongLabels } from './labels.js';
import type { Play } from './play.js';

export const PLAYS: readonly Play[] = [drift, brokenCamera, wrongLabels, worseChallenger];
