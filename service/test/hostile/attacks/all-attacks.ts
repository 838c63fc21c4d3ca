import type { Attack } from './attack.js';
import { decompression } from './decompression-bombs.js';
import { flood } from './flood.js';
import { idleConnections } from './idle-connections.js';
import { jsonBombs } from './json-bombs.js';
import { largePictures } from './large-pictures.js';
import { largePngs } from './large-pngs.js';
import { multipartOddities } from './multipart-oddities.js';
import { pipelining } from './pipelining.js';
import { probing } from './probing.js';
import { rubbish } from './rubbish.js';
import { scanBombs } from './scan-bombs.js';
import { slowBodies } from './slow-bodies.js';
import { slowHeads } from './slow-heads.js';
import { unreadAnswers } from './unread-answers.js';

/** Every attack, in the order in which a soak runs them. */
export const ATTACKS: readonly Attack[] = [
  jsonBombs,
  scanBombs,
  decompression,
  largePngs,
  largePictures,
  slowBodies,
  slowHeads,
  unreadAnswers,
  pipelining,
  flood,
  rubbish,
  multipartOddities,
  idleConnections,
  probing,
];
