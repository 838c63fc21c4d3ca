import { scenarioOf } from './predict.js';

export const { options, setup, predict, handleSummary } = scenarioOf('steady');
