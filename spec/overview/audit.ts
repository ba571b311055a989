/** The audit log for people: the actions that it records, and their words. */

/** Each action of the log, as the end of the sentence "Mira …". */
export const AUDIT_WORDS = {
  enqueue: 'queued a job',
  cancel: 'cancelled a job',
  retry: 'retried a job',
  stopped: 'confirmed that the agent of a job stopped',
  policy_denied: 'refused a job by the policy of the machine',
  read: 'read a job of another account',
  dismiss: 'dismissed a failed job',
  drain: 'drained a machine',
  resume: 'resumed a machine',
  sign_in: 'signed in',
  sign_out: 'signed out',
  sign_in_failed: 'failed to sign in',
  sign_in_limited: 'failed to sign in, and must wait',
  device_approved: 'approved the sign-in of a terminal',
  device_denied: 'denied the sign-in of a terminal',
  device_revoked: 'revoked a device or token',
  token_made: 'made a token',
  password_changed: 'changed the password',
  account_created: 'created an account',
  invite: 'invited somebody',
  revoke_invitation: 'revoked an invitation',
  disable_account: 'disabled an account',
  enable_account: 'enabled an account',
  change_limits: 'changed the limits of an account',
  password_link: 'made a link for a new password',
  bulk_started: 'started a bulk order',
  bulk_aborted: 'ended a bulk order',
} as const;

export type AuditAction = keyof typeof AUDIT_WORDS;

export const AUDIT_ACTIONS = Object.keys(AUDIT_WORDS) as AuditAction[];

/** The words of an action. A newer server may record actions that this program does not know. */
export function auditWords(action: string): string {
  return action in AUDIT_WORDS ? AUDIT_WORDS[action as AuditAction] : action.replaceAll('_', ' ');
}
