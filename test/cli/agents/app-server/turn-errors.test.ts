import { describe, expect, it } from 'vitest';
import { readTurnError } from '../../../../cli/agents/app-server/turn-errors.ts';

const read = (codexErrorInfo: Parameters<typeof readTurnError>[0]['codexErrorInfo']) =>
  readTurnError({ message: 'It failed.', codexErrorInfo, additionalDetails: null, misalignment: null });

describe('the type of a turn error', () => {
  it.each([
    ['contextWindowExceeded', { kind: 'context_full' }],
    ['modelNotFound', { kind: 'model_unavailable' }],
    ['usageLimitExceeded', { kind: 'condition', code: 'usage_limited' }],
  ])('%s is %j', (info, reading) => {
    expect(read(info)).toEqual(reading);
  });

  it.each(['badRequest', 'other', 'a type of a later version'])('%s leaves the words to decide', (info) => {
    expect(read(info)).toBeUndefined();
  });
});
