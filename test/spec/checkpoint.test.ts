import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composeReviewPrompt } from '../../spec/checkpoint/prompt.ts';
import { parseSections, summarizeReview } from '../../spec/checkpoint/sections.ts';

describe('sections of a review', () => {
  it('reads headings in any case, with hashes and colons, and strips list markers', () => {
    const review = parseSections(
      '# Previous STATE:\nnothing\n###### current state\ngrid is ready\n\nHeading state\n\nnorth\n## Review notes\n- one\n* two\n• three\n4. four\n\nAction items:\n1. go\n',
    );
    expect(review).toEqual({
      previousState: 'nothing',
      currentState: 'grid is ready',
      headingState: 'north',
      reviewNotes: ['one', 'two', 'three', 'four'],
      actionItems: ['go'],
    });
  });

  it('takes an indented title, and a title inside a sentence, as text', () => {
    expect(parseSections('Current state\n  Review notes\nthe current state is fine')).toEqual({
      currentState: 'Review notes\nthe current state is fine',
      reviewNotes: [],
      actionItems: [],
    });
  });

  it('lets a repeated heading overwrite', () => {
    expect(parseSections('Current state\nold\nCurrent state\nnew').currentState).toBe('new');
  });

  it('summarizes by current, heading, previous state, then the first line, in at most 280 characters', () => {
    const body = '\n\n  first line  \nsecond';
    expect(summarizeReview(parseSections(body), body)).toBe('first line');
    expect(
      summarizeReview({ headingState: 'h', previousState: 'p', reviewNotes: [], actionItems: [] }, body),
    ).toBe('h');
    expect(
      summarizeReview({ currentState: 'x'.repeat(999), reviewNotes: [], actionItems: [] }, ''),
    ).toHaveLength(280);
  });

  it('finds every section of its own template, whatever is quoted before it', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (ideaTitle, userNote) => {
        const prompt = composeReviewPrompt({ ideaTitle, userNote, features: [], previousSummaries: [] });
        const review = parseSections(prompt);
        expect(review.actionItems).toEqual(['one next step a line']);
        expect(review.currentState).toBe('Where it stands now.');
      }),
    );
  });
});

describe('the prompt of a review', () => {
  it('quotes what was asked for and leaves out the rest', () => {
    const prompt = composeReviewPrompt({
      ideaTitle: 'Tidal survey',
      repository: { name: 'survey', projectRoot: '/srv/survey' },
      features: [
        { title: 'Sampling grid', notes: '', sections: [{ label: 'Detail', body: '10 m spacing' }] },
      ],
      previousSummaries: ['grid is ready'],
    });
    expect(prompt).toContain('## Idea\n\nTidal survey');
    expect(prompt).toContain('survey (/srv/survey)');
    expect(prompt).toContain('## Feature: Sampling grid\n\n### Detail\n\n10 m spacing');
    expect(prompt).toContain('- grid is ready');
    expect(prompt).not.toContain('## GitHub');
    expect(prompt).not.toContain('## Note');
  });
});
