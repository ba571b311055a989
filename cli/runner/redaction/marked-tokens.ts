/**
 * Finds tokens that have no typical prefix. They are recognized by their complete form, or by typical characters in the
 * middle or at the end. The forms follow the documents of their issuers and the rules of gitleaks.
 */

import type { Stretch } from './view.ts';

interface Form {
  /** A text that must be present for the form to match, in exact case. */
  needs: string;
  /** Every repetition is bounded, so that hostile output cannot make it slow. */
  pattern: RegExp;
  /** If true, the token must contain digits and letters of both cases, because names in programs have the same form. */
  mixed?: boolean;
}

/** Matches only if no character of a token precedes or follows, so that it is not a part of a longer run. */
const form = (source: string) => new RegExp(`(?<![A-Za-z0-9_+/.-])(?:${source})(?![A-Za-z0-9_+/-])`, 'g');

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

const FORMS: readonly Form[] = [
  { needs: 'pat', pattern: form(String.raw`pat[A-Za-z0-9]{14}\.[0-9a-f]{60,64}`) },
  { needs: 're_', pattern: form('re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,24}'), mixed: true },
  { needs: 'fw_', pattern: form('fw_[A-Za-z0-9]{22,24}'), mixed: true },
  { needs: 'pa-', pattern: form('pa-[A-Za-z0-9_-]{40,43}'), mixed: true },
  { needs: 'fc-', pattern: form('fc-[0-9a-f]{32}') },
  { needs: 'csk-', pattern: form('csk-[a-z0-9]{44,48}') },
  { needs: 'key-', pattern: form('key-[0-9a-f]{32}') },
  { needs: 'SK', pattern: form('SK[0-9a-f]{32}') },
  { needs: 'sk_', pattern: form('sk_[0-9a-f]{44,48}') },
  { needs: 'sk.eyJ', pattern: form(String.raw`sk\.eyJ[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{20,64}`) },
  { needs: 'sl.', pattern: form(String.raw`sl\.(?:u\.)?[A-Za-z0-9_-]{120,2048}={0,2}`), mixed: true },
  { needs: 'cio', pattern: form('cio[A-Za-z0-9]{32}'), mixed: true },
  { needs: 'oy2', pattern: form('oy2[a-z0-9]{43}') },
  { needs: 'cmVmd', pattern: form('cmVmd[A-Za-z0-9]{59}'), mixed: true },
  { needs: 'npg_', pattern: form('npg_[A-Za-z0-9]{12,16}'), mixed: true },
  { needs: 'EAAA', pattern: form('EAAA[A-Za-z0-9_-]{60}'), mixed: true },
  { needs: '_', pattern: form('[12][A-Za-z0-9]{26}_[A-Za-z0-9]{21}'), mixed: true },
  { needs: '.atlasv1.', pattern: form(String.raw`[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,80}`) },
  { needs: ':APA91b', pattern: form('AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{100,200}') },
  { needs: 'NRAL', pattern: form('[0-9a-fA-F]{30,36}(?:FFFF)?NRAL') },
  { needs: '-us', pattern: form('[0-9a-f]{32}-us[0-9]{1,2}') },
  { needs: '/', pattern: form('[0-9]/[0-9]{16}(?:/[0-9]{16})?:[0-9a-f]{32}') },
  { needs: ':', pattern: form(`${UUID}:[0-9a-f]{32}`) },
  {
    needs: '.',
    pattern: form(String.raw`[MNO][A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}`),
    mixed: true,
  },
  { needs: 'access-', pattern: form(`access-(?:production|sandbox|development)-${UUID}`) },
  {
    needs: 'access_token$',
    pattern: form(String.raw`access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}`),
  },
];

/** Returns tokens of these forms, in no order. */
export function findMarkedTokens(text: string): Stretch[] {
  const found: Stretch[] = [];
  for (const { needs, pattern, mixed } of FORMS) {
    if (!text.includes(needs)) continue;
    for (const { 0: token, index } of text.matchAll(pattern)) {
      if (!mixed || isMixed(token.slice(needs.length))) found.push([index, index + token.length]);
    }
  }
  return found;
}

function isMixed(text: string): boolean {
  return /\d/.test(text) && /[A-Z]/.test(text) && /[a-z]/.test(text);
}
