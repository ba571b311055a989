/**
 * Tokens that can be recognized by their beginning, as their issuers document them. The lengths are a little shorter than the
 * real lengths, because a token that was cut is still a secret. A test generates tokens from a maintained rule set and
 * compares the results with this table.
 */

import type { Stretch } from './view.ts';

interface TokenShape {
  /** How the token begins. */
  starts: readonly string[];
  /** The pattern of the rest. It has only single character classes, so that hostile output cannot make it slow. */
  body: RegExp;
  /**
   * If true, a letter or digit before the token makes it a part of another word. Used for beginnings that also occur in
   * words.
   */
  atWord?: boolean;
}

/** A body of at least `min` characters that contains digits or capital letters, so that it does not look like words. */
function mixed(min: number): RegExp {
  return new RegExp(`(?=[A-Za-z0-9_-]{0,64}[0-9A-Z])[A-Za-z0-9_-]{${min},}`, 'y');
}

const WORD = /[A-Za-z0-9]{20,}/y;
const WIDE = /[A-Za-z0-9_-]{16,}/y;
const BASE64 = /[A-Za-z0-9+/_=-]{30,}/y;

const SHAPES: readonly TokenShape[] = [
  { starts: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'], body: /[A-Za-z0-9_]{20,}/y },
  {
    starts: ['ghs_'],
    body: /[0-9]{1,20}_[A-Za-z0-9_-]{10,1024}\.[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,}/y,
  },
  {
    starts: [
      'glpat-',
      'glptt-',
      'gldt-',
      'glrt-',
      'glft-',
      'glimt-',
      'gloas-',
      'glsoat-',
      'glffct-',
      'glcbt-',
      'glagent-',
      'GR1348941',
    ],
    body: /[A-Za-z0-9_.-]{16,}/y,
  },
  {
    starts: [
      'ABSKQmVkcm9ja0FQSUtleS',
      'bedrock-api-key-',
      'vercel_blob_rw_',
      'snyk_uat.',
      'CFPAT-',
      'tgp_v1_',
      'CCIPAT_',
      'CCIPRJ_',
    ],
    body: /[A-Za-z0-9+/_.-]{20,}/y,
  },
  {
    starts: ['sb_secret_', 'nvapi-', 'pcsk_', 'jina_', 'tvly-', 'hcaik_', 'ddapp_', 'xoxd-', 'xoxc-'],
    body: mixed(24),
    atWord: true,
  },
  { starts: ['NRAK-', 'NRAA-', 'NRII-', 'NRSP-'], body: /[A-Za-z0-9_-]{24,}/y, atWord: true },
  {
    starts: ['nfp_', 'nfc_', 'nfo_', 'napi_', 'phx_'],
    body: /(?=[A-Za-z]{0,64}[0-9])[A-Za-z0-9]{34,}/y,
    atWord: true,
  },
  { starts: ['sbp_', 'bkua_', 'sqp_', 'squ_', 'sqa_'], body: /[a-f0-9]{36,}/y, atWord: true },
  // What `orp admin invite` prints, and the secret of a terminal that waits to be signed in.
  { starts: ['lnk_', 'dvc_'], body: /[A-Za-z0-9_-]{43}/y, atWord: true },
  {
    starts: ['dvt_', 'dckr_pat_', 'dckr_oat_', 'figd_', 'pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'],
    body: WIDE,
  },
  {
    starts: ['sk-', 'gsk_', 'pplx-', 'r8_', 'xai-', 'fo1_', 'pnu_', 'rdme_', 'lsv2_'],
    body: mixed(16),
    atWord: true,
  },
  { starts: ['sk-'], body: WORD, atWord: true },
  {
    starts: [
      'sk_org_live_',
      'sk_org_test_',
      'sk_live_',
      'sk_test_',
      'sk_prod_',
      'rk_live_',
      'rk_test_',
      'rk_prod_',
    ],
    body: /[A-Za-z0-9]{10,}/y,
  },
  { starts: ['whsec_'], body: /[A-Za-z0-9+/=]{24,}/y },
  { starts: ['npm_'], body: /[A-Za-z0-9]{30,}/y },
  {
    starts: ['hf_', 'api_org_', 'glsa_', 'glc_', 'sgp_', 'sntryu_', 'sntrys_'],
    body: /[A-Za-z0-9+/]{20,}[A-Za-z0-9+/_=]*/y,
    atWord: true,
  },
  { starts: ['pypi-Ag'], body: WIDE },
  {
    starts: ['pypi-'],
    body: /(?=[A-Za-z0-9_-]{0,64}[A-Z])(?=[A-Za-z0-9_-]{0,64}[0-9])[A-Za-z0-9_-]{32,}/y,
    atWord: true,
  },
  { starts: ['SG.'], body: /[A-Za-z0-9_-]{8,128}\.[A-Za-z0-9_-]{16,}/y, atWord: true },
  { starts: ['ya29.', 'GOCSPX-', '1//0'], body: /[A-Za-z0-9_-]{20,}/y, atWord: true },
  { starts: ['AIza'], body: /[A-Za-z0-9_-]{30,45}(?![A-Za-z0-9_+/=-])/y, atWord: true },
  {
    starts: ['xoxa-', 'xoxb-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxe.xox'],
    body: /[A-Za-z0-9.-]{10,}/y,
  },
  { starts: ['xapp-'], body: /(?=[A-Za-z0-9-]{0,64}[0-9A-Z])[A-Za-z0-9-]{10,}/y, atWord: true },
  {
    starts: ['AKIA', 'ASIA', 'ABIA', 'ACCA', 'AROA', 'AIDA', 'AGPA', 'AIPA', 'ANPA', 'ANVA'],
    body: /[A-Z0-9]{16}(?![A-Za-z0-9])/y,
    atWord: true,
  },
  { starts: ['A3T'], body: /[A-Z0-9]{17}(?![A-Za-z0-9])/y, atWord: true },
  {
    starts: ['eyJ'],
    body: /[A-Za-z0-9_-]{10,1024}\.[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,}/y,
    atWord: true,
  },
  {
    starts: ['dop_v1_', 'doo_v1_', 'dor_v1_', 'pul-', 'glptt-', 'shippo_live_', 'shippo_test_', 'rubygems_'],
    body: /[a-fA-F0-9]{32,}/y,
  },
  { starts: ['dapi'], body: /[A-Fa-f0-9]{32}(?:-[0-9])?(?![A-Za-z0-9])/y, atWord: true },
  { starts: ['shpat_', 'shpca_', 'shppa_', 'shpss_'], body: /[A-Za-z0-9_]{24,}/y },
  {
    starts: ['lin_api_', 'lin_oauth_', 'ntn_', 'vcp_', 'vci_', 'vca_', 'vcr_', 'vck_', 'secret_'],
    body: /(?=[A-Za-z_]{0,64}[0-9])[A-Za-z0-9_]{20,}/y,
    atWord: true,
  },
  { starts: ['lin_api_'], body: /[A-Za-z0-9_]{30,}/y },
  { starts: ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_', 'ntn_'], body: WORD, atWord: true },
  {
    starts: ['hvs.', 'hvb.', 'hvr.', 'dp.pt.', 'dp.st.', 'dp.ct.', 'dt0c01.', 'EZAK', 'EZTK', 'AKCp'],
    body: /[A-Za-z0-9_.-]{40,}/y,
    atWord: true,
  },
  {
    starts: [
      'AGE-SECRET-KEY-1',
      'FLWSECK_TEST-',
      'FLWSECK-',
      'PMAK-',
      'HRKU-',
      'xkeysib-',
      'xsmtpsib-',
      'sq0atp-',
      'sq0csp-',
      'duffel_live_',
      'duffel_test_',
      'CLOJARS_',
      'sm_aat_',
      'sm_pat_',
      'sm_sat_',
      'tfp_',
      'ATATT3',
      'ATCTT3',
    ],
    body: WIDE,
  },
  {
    starts: ['ops_ey', 'fm2_', 'fm1a_', 'fm1r_', 'v1.0-'],
    body: /(?=[A-Za-z0-9+/_=-]{0,64}[0-9])[A-Za-z0-9+/_=-]{64,}(?![A-Za-z0-9+/_=-])/y,
    atWord: true,
  },
  { starts: ['EAAA', 'EAAM', 'EAAC'], body: /[A-Za-z0-9]{64,400}(?![A-Za-z0-9+/=_-])/y, atWord: true },
  { starts: ['ATBB', 'LTAI'], body: /[A-Za-z0-9]{16,40}(?![A-Za-z0-9+/=_-])/y, atWord: true },
  { starts: ['cfk_', 'cfut_', 'cfat_'], body: /[A-Za-z0-9]{40,}/y },
  { starts: ['tskey-'], body: /[A-Za-z0-9_-]{24,}/y },
  { starts: ['sha256~'], body: BASE64, atWord: true },
];

const byStart = new Map<string, TokenShape[]>();
for (const shape of SHAPES) {
  for (const start of shape.starts) byStart.set(start, [...(byStart.get(start) ?? []), shape]);
}
const STARTS = new RegExp(
  [...byStart.keys()]
    .sort((a, b) => b.length - a.length)
    .map((start) => start.replace(/[.]/g, '\\.'))
    .join('|'),
  'g',
);

/** Returns the tokens in `text`, in order. */
export function findTokens(text: string): Stretch[] {
  const found: Stretch[] = [];
  let done = 0;
  for (const { 0: start, index } of text.matchAll(STARTS)) {
    const end = index < done ? undefined : endOfToken(text, index, start);
    if (end === undefined) continue;
    found.push([index, end]);
    done = end;
  }
  return found;
}

function endOfToken(text: string, at: number, start: string): number | undefined {
  const isInWord = /[A-Za-z0-9]/.test(text.charAt(at - 1));
  let end: number | undefined;
  for (const { body, atWord } of byStart.get(start) ?? []) {
    if (isInWord && atWord) continue;
    body.lastIndex = at + start.length;
    if (body.test(text)) end = Math.max(end ?? 0, body.lastIndex);
  }
  return end;
}

/**
 * The minimum length of an incomplete token. It is longer than a word, so that `npm_config` and `secret_name` at the end of a message are
 * not redacted.
 */
const MIN_LOWER_CASE = 20;

/** Returns the end of `text` that may be an incomplete token: its beginning and a part of its body. */
export function openToken(text: string): Stretch | undefined {
  const from = Math.max(0, text.length - 256);
  for (const { 0: start, index } of text.slice(from).matchAll(STARTS)) {
    const rest = text.slice(from + index + start.length);
    const isTelling = /[0-9A-Z]/.test(rest) || rest.length >= MIN_LOWER_CASE;
    const isInWord = /[A-Za-z0-9]/.test(text.charAt(from + index - 1));
    if (isTelling && !isInWord && /^[A-Za-z0-9_.=+/-]{4,}$/.test(rest)) return [from + index, text.length];
  }
  return undefined;
}
