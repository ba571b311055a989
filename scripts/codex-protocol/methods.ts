/** The methods of the Codex app-server that `orp` uses, and the fields of each method that `orp` sends or reads. */

/**
 * A path through the types of the protocol, such as `result.turn.id`. It also leads through arrays, `null` and the variants
 * of a union. `=word` requires that the field may have this value.
 */
export type UsedFields = Readonly<Record<string, readonly string[]>>;

/** The interfaces of the generated file, with the file of the protocol that lists their methods. */
export const TABLES = {
  ClientMethods: 'ClientRequest',
  ClientNotifications: 'ClientNotification',
  ServerNotifications: 'ServerNotification',
  ServerRequests: 'ServerRequest',
} as const;

export type Table = keyof typeof TABLES;

const TEXT_INPUT = ['params.input.type=text', 'params.input.text', 'params.input.text_elements'];
const ITEM = [
  'item.id',
  'item.type=userMessage',
  'item.clientId',
  'item.content.text',
  'item.type=agentMessage',
  'item.text',
  'item.type=commandExecution',
  'item.command',
  'item.source=userShell',
  'item.aggregatedOutput',
  'item.exitCode',
  'item.type=fileChange',
  'item.changes.path',
  'item.changes.diff',
];
const THREAD = [
  'id',
  'cwd',
  'status.type=notLoaded',
  'status.type=idle',
  'status.type=systemError',
  'status.type=active',
  'status.activeFlags=waitingOnApproval',
  'status.activeFlags=waitingOnUserInput',
];
const REQUEST = ['params.threadId', 'params.turnId', 'params.itemId'];
const LIMITS = [
  'rateLimits.primary.usedPercent',
  'rateLimits.primary.windowDurationMins',
  'rateLimits.primary.resetsAt',
  'rateLimits.secondary.resetsAt',
];

function under(prefix: string, paths: readonly string[]): string[] {
  return paths.map((path) => `${prefix}.${path}`);
}

export const USED: Readonly<Record<Table, UsedFields>> = {
  ClientMethods: {
    initialize: [
      'params.clientInfo.name',
      'params.clientInfo.title',
      'params.clientInfo.version',
      'params.capabilities.experimentalApi',
      'params.capabilities.requestAttestation',
      'params.capabilities.optOutNotificationMethods',
      'result.userAgent',
      'result.codexHome',
    ],
    'thread/resume': [
      ...['threadId', 'cwd', 'approvalPolicy', 'sandbox', 'model', 'excludeTurns', 'initialTurnsPage'].map(
        (f) => `params.${f}`,
      ),
      ...under('result.thread', THREAD),
      'result.initialTurnsPage.data.id',
      'result.sandbox.type=readOnly',
      'result.activePermissionProfile.id',
    ],
    // Threads with the history mode `legacy` have no `thread/items/list`, so their items are read here.
    'thread/read': [
      'params.threadId',
      'params.includeTurns',
      ...under('result.thread', THREAD),
      'result.thread.historyMode=legacy',
      'result.thread.historyMode=paginated',
      'result.thread.turns.id',
      'result.thread.turns.items.clientId',
    ],
    'thread/list': [
      ...['cwd', 'sourceKinds', 'limit', 'cursor', 'sortKey', 'searchTerm'].map((f) => `params.${f}`),
      ...under('result.data', THREAD),
      'result.data.preview',
      'result.data.updatedAt',
      'result.data.gitInfo.branch',
      'result.nextCursor',
    ],
    'thread/loaded/list': ['params.cursor', 'params.limit', 'result.data', 'result.nextCursor'],
    'thread/items/list': [
      'params.threadId',
      'params.limit',
      'params.sortDirection',
      ...under('result.data', ITEM),
      'result.nextCursor',
    ],
    'thread/turns/list': [
      'params.threadId',
      'params.limit',
      'params.cursor',
      'result.data.id',
      ...['completed', 'interrupted', 'failed', 'inProgress'].map((word) => `result.data.status=${word}`),
      'result.data.error.message',
      'result.data.items.clientId',
      'result.data.items.text',
      'result.nextCursor',
    ],
    'thread/backgroundTerminals/clean': ['params.threadId'],
    'thread/settings/update': ['params.threadId', 'params.sandboxPolicy', 'params.permissions'],
    'thread/unsubscribe': ['params.threadId', 'result.status'],
    'turn/start': [
      ...[
        'threadId',
        'clientUserMessageId',
        'approvalPolicy',
        'sandboxPolicy',
        'model',
        'outputSchema',
        'cwd',
      ].map((field) => `params.${field}`),
      ...TEXT_INPUT,
      'result.turn.id',
      'result.turn.status=inProgress',
    ],
    'turn/steer': [
      'params.threadId',
      'params.expectedTurnId',
      'params.clientUserMessageId',
      ...TEXT_INPUT,
      'result.turnId',
    ],
    'turn/interrupt': ['params.threadId', 'params.turnId'],
    'account/rateLimits/read': under('result', LIMITS),
  },
  ClientNotifications: { initialized: [] },
  ServerNotifications: {
    'thread/status/changed': ['threadId', 'status.type=idle', 'status.type=active', 'status.activeFlags'],
    'turn/started': ['threadId', 'turn.id'],
    'turn/completed': [
      'threadId',
      'turn.id',
      'turn.status=completed',
      'turn.status=interrupted',
      'turn.status=failed',
      'turn.durationMs',
      'turn.error.message',
      'turn.error.codexErrorInfo=usageLimitExceeded',
      'turn.error.codexErrorInfo=rateLimitExceeded',
      'turn.error.codexErrorInfo=serverOverloaded',
      'turn.error.codexErrorInfo=contextWindowExceeded',
      'turn.error.codexErrorInfo=unauthorized',
      'turn.error.codexErrorInfo=sandboxError',
    ],
    'turn/diff/updated': ['threadId', 'turnId', 'diff'],
    'turn/plan/updated': ['threadId', 'turnId', 'plan.step', 'plan.status'],
    'thread/tokenUsage/updated': ['threadId', 'turnId', 'tokenUsage.total.totalTokens'],
    'item/started': ['threadId', 'turnId', ...ITEM],
    'item/completed': ['threadId', 'turnId', ...ITEM],
    'item/agentMessage/delta': ['threadId', 'turnId', 'itemId', 'delta'],
    'item/commandExecution/outputDelta': ['threadId', 'turnId', 'itemId', 'delta'],
    error: ['threadId', 'turnId', 'willRetry', 'error.message', 'error.codexErrorInfo'],
    'serverRequest/resolved': ['threadId', 'requestId'],
    'account/rateLimits/updated': LIMITS,
  },
  ServerRequests: {
    'item/commandExecution/requestApproval': [
      ...REQUEST,
      ...['approvalId', 'reason', 'command', 'cwd', 'commandActions', 'availableDecisions'].map(
        (f) => `params.${f}`,
      ),
      ...['accept', 'acceptForSession', 'decline', 'cancel'].map((word) => `result.decision=${word}`),
    ],
    'item/fileChange/requestApproval': [
      ...REQUEST,
      'params.reason',
      'params.grantRoot',
      ...['accept', 'acceptForSession', 'decline', 'cancel'].map((word) => `result.decision=${word}`),
    ],
    'item/permissions/requestApproval': [
      ...REQUEST,
      'params.permissions',
      'params.cwd',
      'params.reason',
      'result.permissions',
      'result.scope',
    ],
    'item/tool/requestUserInput': [
      ...REQUEST,
      ...['id', 'header', 'question', 'options', 'isSecret', 'isOther'].map((f) => `params.questions.${f}`),
      'result.answers',
    ],
    'mcpServer/elicitation/request': [
      'params.threadId',
      'params.serverName',
      'params.mode=form',
      'params.mode=url',
      'params.message',
      'params.url',
      'result.action',
      'result.content',
    ],
  },
};

/** The types of answers that are not named after the parameters of their method. */
export const RESULTS: Readonly<Record<string, string>> = {
  'account/rateLimits/read': 'GetAccountRateLimitsResponse',
};

/** Types that `orp` neither sends nor reads. The generated file has `unknown` for them. */
export const CUT: readonly string[] = [
  'AdditionalPermissionProfile',
  'CollabAgentState',
  'CollaborationMode',
  'DynamicToolCallOutputContentItem',
  'FunctionCallOutputBody',
  'ImageGenerationItem',
  'InternalSessionSource',
  'McpAppUi',
  'McpElicitationSchema',
  'McpToolCallAppContext',
  'McpToolCallResult',
  'MemoryCitation',
  'ResponseItem',
  'SleepItem',
  'ThreadEnvironment',
  'ThreadSection',
  'TurnEnvironmentParams',
  'TurnToolOutput',
  'WebSearchItem',
];
