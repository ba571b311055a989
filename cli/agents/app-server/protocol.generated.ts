/**
 * The part of the protocol of the Codex app-server that `orp` uses, as Codex 0.171.0 prints it. Made by
 * `npm run codex:protocol`; do not edit. `scripts/codex-protocol/methods.ts` lists the methods.
 * Types that `orp` neither sends nor reads are `unknown`; `CUT` in that file lists them.
 */

/** Requests of the client. */
export interface ClientMethods {
  initialize: { params: InitializeParams; result: InitializeResponse };
  'thread/resume': { params: ThreadResumeParams; result: ThreadResumeResponse };
  'thread/read': { params: ThreadReadParams; result: ThreadReadResponse };
  'thread/list': { params: ThreadListParams; result: ThreadListResponse };
  'thread/loaded/list': { params: ThreadLoadedListParams; result: ThreadLoadedListResponse };
  'thread/items/list': { params: ThreadItemsListParams; result: ThreadItemsListResponse };
  'thread/turns/list': { params: ThreadTurnsListParams; result: ThreadTurnsListResponse };
  'thread/backgroundTerminals/clean': {
    params: ThreadBackgroundTerminalsCleanParams;
    result: ThreadBackgroundTerminalsCleanResponse;
  };
  'thread/settings/update': { params: ThreadSettingsUpdateParams; result: ThreadSettingsUpdateResponse };
  'thread/unsubscribe': { params: ThreadUnsubscribeParams; result: ThreadUnsubscribeResponse };
  'turn/start': { params: TurnStartParams; result: TurnStartResponse };
  'turn/steer': { params: TurnSteerParams; result: TurnSteerResponse };
  'turn/interrupt': { params: TurnInterruptParams; result: TurnInterruptResponse };
  'account/rateLimits/read': { params: GetAccountRateLimitsParams; result: GetAccountRateLimitsResponse };
}

/** Notifications of the client. */
export interface ClientNotifications {
  initialized: undefined;
}

/** Notifications of the server. */
export interface ServerNotifications {
  'thread/status/changed': ThreadStatusChangedNotification;
  'turn/started': TurnStartedNotification;
  'turn/completed': TurnCompletedNotification;
  'turn/diff/updated': TurnDiffUpdatedNotification;
  'turn/plan/updated': TurnPlanUpdatedNotification;
  'thread/tokenUsage/updated': ThreadTokenUsageUpdatedNotification;
  'item/started': ItemStartedNotification;
  'item/completed': ItemCompletedNotification;
  'item/agentMessage/delta': AgentMessageDeltaNotification;
  'item/commandExecution/outputDelta': CommandExecutionOutputDeltaNotification;
  error: ErrorNotification;
  'serverRequest/resolved': ServerRequestResolvedNotification;
  'account/rateLimits/updated': AccountRateLimitsUpdatedNotification;
}

/** Requests of the server, which the client answers. */
export interface ServerRequests {
  'item/commandExecution/requestApproval': {
    params: CommandExecutionRequestApprovalParams;
    result: CommandExecutionRequestApprovalResponse;
  };
  'item/fileChange/requestApproval': {
    params: FileChangeRequestApprovalParams;
    result: FileChangeRequestApprovalResponse;
  };
  'item/permissions/requestApproval': {
    params: PermissionsRequestApprovalParams;
    result: PermissionsRequestApprovalResponse;
  };
  'item/tool/requestUserInput': { params: ToolRequestUserInputParams; result: ToolRequestUserInputResponse };
  'mcpServer/elicitation/request': {
    params: McpServerElicitationRequestParams;
    result: McpServerElicitationRequestResponse;
  };
}

/** The names of all methods above. */
export const METHODS = {
  ClientMethods: [
    'initialize',
    'thread/resume',
    'thread/read',
    'thread/list',
    'thread/loaded/list',
    'thread/items/list',
    'thread/turns/list',
    'thread/backgroundTerminals/clean',
    'thread/settings/update',
    'thread/unsubscribe',
    'turn/start',
    'turn/steer',
    'turn/interrupt',
    'account/rateLimits/read',
  ],
  ClientNotifications: ['initialized'],
  ServerNotifications: [
    'thread/status/changed',
    'turn/started',
    'turn/completed',
    'turn/diff/updated',
    'turn/plan/updated',
    'thread/tokenUsage/updated',
    'item/started',
    'item/completed',
    'item/agentMessage/delta',
    'item/commandExecution/outputDelta',
    'error',
    'serverRequest/resolved',
    'account/rateLimits/updated',
  ],
  ServerRequests: [
    'item/commandExecution/requestApproval',
    'item/fileChange/requestApproval',
    'item/permissions/requestApproval',
    'item/tool/requestUserInput',
    'mcpServer/elicitation/request',
  ],
} as const;

export type AbsolutePathBuf = string;

export type AccountRateLimitsUpdatedNotification = { rateLimits: RateLimitSnapshot };

export type ActivePermissionProfile = { id: string; extends: string | null };

export type AdditionalContextEntry = { value: string; kind: AdditionalContextKind; name?: string | null };

export type AdditionalContextKind = 'untrusted' | 'application';

export type AdditionalFileSystemPermissions = {
  read: Array<LegacyAppPathString> | null;
  write: Array<LegacyAppPathString> | null;
  globScanMaxDepth?: number;
  entries?: Array<FileSystemSandboxEntry>;
};

export type AdditionalNetworkPermissions = { enabled: boolean | null };

export type AdditionalPermissionProfile = unknown;

export type AgentMessageDelivery = 'async';

export type AgentMessageDeltaNotification = {
  threadId: string;
  turnId: string;
  itemId: string;
  delta: string;
};

export type AgentMessageDisplay =
  | { mode: 'show'; version: 1; annotation?: AnswerAnnotation; trustedContacts: TrustedContacts }
  | { mode: 'hide'; version: 1; replacement: AnswerReplacement }
  | { mode: 'block'; version: 1; reason: BlockReason };

export type AgentMessageModeration = { moderated: boolean; display: AgentMessageDisplay | null };

export type AgentPath = string;

export type AnswerAnnotation = { kind: 'wellbeingHelpline'; subject: HelplineSubject };

export type AnswerReplacement = { kind: 'wellbeingPromptHelpline' };

export type ApprovalsReviewer = 'user' | 'auto_review' | 'guardian_subagent';

export type AskForApproval =
  | 'untrusted'
  | 'on-request'
  | {
      granular: {
        sandbox_approval: boolean;
        rules: boolean;
        skill_approval: boolean;
        request_permissions: boolean;
        mcp_elicitations: boolean;
      };
    }
  | 'never';

export type AsyncUserInputQuestion = { title: string; options: Array<string> | null };

export type BlockReason =
  | { kind: 'protection'; protectionType: string }
  | { kind: 'cyber'; trustedAccess?: boolean };

export type ByteRange = { start: number; end: number };

export type ClientInfo = { name: string; title: string | null; version: string };

export type CodexErrorInfo =
  | 'contextWindowExceeded'
  | 'sessionBudgetExceeded'
  | 'usageLimitExceeded'
  | 'rateLimitExceeded'
  | 'flexUnavailable'
  | 'serverOverloaded'
  | 'modelNotFound'
  | 'policyCapacityUnavailable'
  | 'inferenceHookDenied'
  | 'cyberPolicy'
  | 'bioPolicy'
  | 'misalignmentPolicyViolation'
  | 'tooManyDenials'
  | { httpConnectionFailed: { httpStatusCode: number | null } }
  | { responseStreamConnectionFailed: { httpStatusCode: number | null } }
  | 'internalServerError'
  | 'unauthorized'
  | 'badRequest'
  | 'threadRollbackFailed'
  | 'sandboxError'
  | { responseStreamDisconnected: { httpStatusCode: number | null } }
  | { responseTooManyFailedAttempts: { httpStatusCode: number | null } }
  | { activeTurnNotSteerable: { turnKind: NonSteerableTurnKind } }
  | 'other'
  | string
  | { [key: string]: unknown };

export type CollabAgentState = unknown;

export type CollabAgentTool =
  | 'spawnAgent'
  | 'sendInput'
  | 'resumeAgent'
  | 'wait'
  | 'closeAgent'
  | 'sendMessage'
  | 'followupTask'
  | 'interruptAgent'
  | 'listAgents';

export type CollabAgentToolCallStatus = 'inProgress' | 'completed' | 'failed' | 'interrupted';

export type CollaborationMode = unknown;

export type CommandAction =
  | { type: 'read'; command: string; name: string; path: LegacyAppPathString }
  | { type: 'listFiles'; command: string; path: string | null }
  | { type: 'search'; command: string; query: string | null; path: string | null }
  | { type: 'unknown'; command: string };

export type CommandExecutionApprovalDecision =
  | 'accept'
  | 'acceptForSession'
  | { acceptWithExecpolicyAmendment: { execpolicy_amendment: ExecPolicyAmendment } }
  | { applyNetworkPolicyAmendment: { network_policy_amendment: NetworkPolicyAmendment } }
  | 'decline'
  | 'cancel';

export type CommandExecutionApprovalKind = 'command' | 'humanCommand' | 'writeStdin';

export type CommandExecutionOutputDeltaNotification = {
  threadId: string;
  turnId: string;
  itemId: string;
  delta: string;
};

export type CommandExecutionRequestApprovalParams = {
  kind: CommandExecutionApprovalKind;
  threadId: string;
  turnId: string;
  itemId: string;
  startedAtMs: number;
  approvalId?: string | null;
  environmentId: string | null;
  reason?: string | null;
  networkApprovalContext?: NetworkApprovalContext | null;
  command?: string | null;
  cwd?: LegacyAppPathString | null;
  commandActions?: Array<CommandAction> | null;
  additionalPermissions?: AdditionalPermissionProfile | null;
  proposedExecpolicyAmendment?: ExecPolicyAmendment | null;
  proposedNetworkPolicyAmendments?: Array<NetworkPolicyAmendment> | null;
  availableDecisions?: Array<CommandExecutionApprovalDecision> | null;
};

export type CommandExecutionRequestApprovalResponse = { decision: CommandExecutionApprovalDecision };

export type CommandExecutionSource = 'agent' | 'userShell' | 'unifiedExecStartup' | 'unifiedExecInteraction';

export type CommandExecutionStatus = 'inProgress' | 'completed' | 'failed' | 'declined';

export type CreditsSnapshot = { hasCredits: boolean; unlimited: boolean; balance: string | null };

export type CyberAccessProgram = 'standard' | 'daybreakBlue' | 'daybreakRed';

export type DynamicToolCallOutputContentItem = unknown;

export type DynamicToolCallStatus = 'inProgress' | 'completed' | 'failed';

export type ErrorNotification = { error: TurnError; willRetry: boolean; threadId: string; turnId: string };

export type ExecPolicyAmendment = Array<string>;

export type FileChangeApprovalDecision = 'accept' | 'acceptForSession' | 'decline' | 'cancel';

export type FileChangeRequestApprovalParams = {
  threadId: string;
  turnId: string;
  itemId: string;
  startedAtMs: number;
  reason?: string | null;
  grantRoot?: string | null;
};

export type FileChangeRequestApprovalResponse = { decision: FileChangeApprovalDecision };

export type FileSystemAccessMode = 'read' | 'write' | 'deny';

export type FileSystemPath =
  | { type: 'path'; path: LegacyAppPathString }
  | { type: 'glob_pattern'; pattern: string }
  | { type: 'special'; value: FileSystemSpecialPath };

export type FileSystemSandboxEntry = { path: FileSystemPath; access: FileSystemAccessMode };

export type FileSystemSpecialPath =
  | { kind: 'root' }
  | { kind: 'minimal' }
  | { kind: 'project_roots'; subpath: LegacyAppPathString | null }
  | { kind: 'tmpdir' }
  | { kind: 'slash_tmp' }
  | { kind: 'unknown'; path: string; subpath: LegacyAppPathString | null };

export type FileUpdateChange = { path: string; kind: PatchChangeKind; diff: string };

export type FunctionCallOutputBody = unknown;

export type GetAccountRateLimitsParams = {
  supportsLunaReserve?: boolean;
  excludeResetCreditDetails?: boolean;
};

export type GetAccountRateLimitsResponse = {
  ordinaryUsageAllowed: boolean | null;
  rateLimits: RateLimitSnapshot;
  rateLimitsByLimitId: { [key in string]?: RateLimitSnapshot } | null;
  rateLimitResetCredits: RateLimitResetCreditsSummary | null;
  accountId: string | null;
  rateLimitUpsell: JsonValue | null;
};

export type GitInfo = { sha: string | null; branch: string | null; originUrl: string | null };

export type GrantedPermissionProfile = {
  network?: AdditionalNetworkPermissions;
  fileSystem?: AdditionalFileSystemPermissions;
};

export type HelplineSubject = 'answer' | 'prompt';

export type HookPromptFragment = { text: string; hookRunId: string };

export type ImageDetail = 'auto' | 'low' | 'high' | 'original';

export type ImageGenerationItem = unknown;

export type InitializeCapabilities = {
  requiredHumanApproval?: boolean;
  explicitGatewayOauth?: boolean;
  experimentalApi: boolean;
  requestAttestation: boolean;
  mcpServerOpenaiFormElicitation?: boolean;
  optOutNotificationMethods?: Array<string> | null;
  extensions?: { [key in string]?: JsonValue } | null;
};

export type InitializeParams = { clientInfo: ClientInfo; capabilities: InitializeCapabilities | null };

export type InitializeResponse = {
  userAgent: string;
  codexHome: AbsolutePathBuf;
  platformFamily: string;
  platformOs: string;
};

export type ItemCompletedNotification = {
  item: ThreadItem;
  threadId: string;
  turnId: string;
  contentTokenCount?: number | null;
  completedAtMs: number;
};

export type ItemStartedNotification = {
  item: ThreadItem;
  threadId: string;
  turnId: string;
  startedAtMs: number;
};

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]?: JsonValue } | null;

export type LegacyAppPathString = string;

export type McpAppUi = unknown;

export type McpElicitationSchema = unknown;

export type McpServerElicitationAction = 'accept' | 'decline' | 'cancel';

export type McpServerElicitationRequestParams = {
  threadId: string;
  turnId: string | null;
  serverName: string;
  environmentId: string | null;
} & (
  | {
      mode: 'openai/userVerification';
      _meta: JsonValue | null;
      title: string;
      description: string;
      challenge: string;
    }
  | { mode: 'form'; _meta: JsonValue | null; message: string; requestedSchema: McpElicitationSchema }
  | { mode: 'openai/form'; _meta: JsonValue | null; message: string; requestedSchema: JsonValue }
  | { mode: 'openaiForm'; _meta: JsonValue | null; message: string; requestedSchema: JsonValue }
  | { mode: 'url'; _meta: JsonValue | null; message: string; url: string; elicitationId: string }
);

export type McpServerElicitationRequestResponse = {
  action: McpServerElicitationAction;
  content: JsonValue | null;
  _meta: JsonValue | null;
};

export type McpToolCallAppContext = unknown;

export type McpToolCallError = { message: string };

export type McpToolCallResult = unknown;

export type McpToolCallStatus = 'inProgress' | 'completed' | 'failed';

export type MemoryCitation = unknown;

export type MessagePhase = 'commentary' | 'partial_answer' | 'final_answer';

export type MisalignmentErrorDetails = {
  errorType: string | null;
  detailedExplanation: string | null;
  steer: MisalignmentSteer | null;
  reviewTarget?: string | null;
};

export type MisalignmentSteer = { message: string };

export type MultiAgentMode = { custom: string } | 'explicitRequestOnly' | 'proactive';

export type NetworkAccess = 'restricted' | 'enabled';

export type NetworkApprovalContext = { host: string; protocol: NetworkApprovalProtocol };

export type NetworkApprovalProtocol = 'http' | 'https' | 'socks5Tcp' | 'socks5Udp';

export type NetworkPolicyAmendment = { host: string; action: NetworkPolicyRuleAction };

export type NetworkPolicyRuleAction = 'allow' | 'deny';

export type NonSteerableTurnKind = 'review' | 'compact';

export type PatchApplyStatus = 'inProgress' | 'completed' | 'failed' | 'declined';

export type PatchChangeKind =
  | { type: 'add' }
  | { type: 'delete' }
  | { type: 'update'; move_path: string | null };

export type PermissionGrantScope = 'turn' | 'session';

export type PermissionsRequestApprovalParams = {
  threadId: string;
  turnId: string;
  itemId: string;
  environmentId: string | null;
  startedAtMs: number;
  cwd: LegacyAppPathString;
  reason: string | null;
  permissions: RequestPermissionProfile;
};

export type PermissionsRequestApprovalResponse = {
  permissions: GrantedPermissionProfile;
  scope: PermissionGrantScope;
  strictAutoReview?: boolean;
};

export type Personality = 'none' | 'friendly' | 'pragmatic';

export type PlanType =
  | 'free'
  | 'go'
  | 'plus'
  | 'pro'
  | 'prolite'
  | 'promax'
  | 'team'
  | 'self_serve_business_prolite'
  | 'self_serve_business_usage_based'
  | 'business'
  | 'ent26'
  | 'enterprise_cbp_automation'
  | 'enterprise_cbp_usage_based'
  | 'enterprise'
  | 'edu'
  | 'edu_plus'
  | 'edu_pro'
  | 'sci'
  | 'sci_plus'
  | 'unknown';

export type RateLimitReachedType =
  | 'rate_limit_reached'
  | 'workspace_owner_credits_depleted'
  | 'workspace_member_credits_depleted'
  | 'workspace_owner_usage_limit_reached'
  | 'workspace_member_usage_limit_reached';

export type RateLimitResetCredit = {
  id: string;
  resetType: RateLimitResetType;
  status: RateLimitResetCreditStatus;
  grantedAt: number;
  expiresAt: number | null;
  title: string | null;
  description: string | null;
};

export type RateLimitResetCreditStatus = 'available' | 'redeeming' | 'redeemed' | 'unknown';

export type RateLimitResetCreditsSummary = {
  availableCount: number;
  credits: Array<RateLimitResetCredit> | null;
};

export type RateLimitResetType = 'codexRateLimits' | 'unknown';

export type RateLimitSnapshot = {
  limitId: string | null;
  limitName: string | null;
  normalModelSlug: string | null;
  primary: RateLimitWindow | null;
  secondary: RateLimitWindow | null;
  credits: CreditsSnapshot | null;
  individualLimit: SpendControlLimitSnapshot | null;
  spendControlReached: boolean | null;
  planType: PlanType | null;
  rateLimitReachedType: RateLimitReachedType | null;
};

export type RateLimitWindow = {
  usedPercent: number;
  windowDurationMins: number | null;
  resetsAt: number | null;
};

export type ReasoningEffort = string;

export type ReasoningSummary = 'auto' | 'concise' | 'detailed' | 'none';

export type RequestId = string | number;

export type RequestPermissionProfile = {
  network: AdditionalNetworkPermissions | null;
  fileSystem: AdditionalFileSystemPermissions | null;
};

export type ResponseItem = unknown;

export type SandboxMode = 'read-only' | 'workspace-write' | 'danger-full-access';

export type SandboxPolicy =
  | { type: 'dangerFullAccess' }
  | { type: 'readOnly'; networkAccess: boolean }
  | { type: 'externalSandbox'; networkAccess: NetworkAccess }
  | {
      type: 'workspaceWrite';
      writableRoots: Array<AbsolutePathBuf>;
      networkAccess: boolean;
      excludeTmpdirEnvVar: boolean;
      excludeSlashTmp: boolean;
    };

export type ServerRequestResolvedNotification = { threadId: string; requestId: RequestId };

export type SessionSource =
  | 'cli'
  | 'vscode'
  | 'exec'
  | 'appServer'
  | { custom: string }
  | { subAgent: SubAgentSource }
  | 'unknown';

export type SleepItem = unknown;

export type SortDirection = 'asc' | 'desc';

export type SpendControlLimitSnapshot = {
  limit: string;
  used: string;
  remainingPercent: number;
  resetsAt: number;
};

export type SubAgentActivityKind = 'started' | 'interacted' | 'interrupted' | 'completed';

export type SubAgentSource =
  | 'review'
  | 'compact'
  | {
      thread_spawn: {
        parent_thread_id: ThreadId;
        depth: number;
        agent_path: AgentPath | null;
        agent_nickname: string | null;
        agent_role: string | null;
      };
    }
  | 'memory_consolidation'
  | { other: string };

export type TextElement = { byteRange: ByteRange; placeholder: string | null };

export type Thread = {
  id: string;
  environments: Array<ThreadEnvironment> | null;
  extra: ThreadExtra | null;
  sessionId: string;
  forkedFromId: string | null;
  attachedToThreadId: string | null;
  parentThreadId: string | null;
  preview: string;
  ephemeral: boolean;
  section: ThreadSection | null;
  sectionEnteredAt: number | null;
  projectId: string | null;
  historyMode: ThreadHistoryMode;
  modelProvider: string;
  model: string | null;
  reasoningEffort: ReasoningEffort | null;
  createdAt: number;
  updatedAt: number;
  recencyAt: number | null;
  status: ThreadStatus;
  path: string | null;
  cwd: AbsolutePathBuf;
  cliVersion: string;
  originator: string | null;
  source: SessionSource;
  canAcceptDirectInput: boolean | null;
  threadSource: ThreadSource | null;
  agentNickname: string | null;
  agentRole: string | null;
  gitInfo: GitInfo | null;
  name: string | null;
  daybreakEnabled: boolean | null;
  turns: Array<Turn>;
};

export type ThreadActiveFlag = 'waitingOnApproval' | 'waitingOnUserInput';

export type ThreadBackgroundTerminalsCleanParams = { threadId: string };

export type ThreadBackgroundTerminalsCleanResponse = Record<string, never>;

export type ThreadEnvironment = unknown;

export type ThreadExtra = Record<string, never>;

export type ThreadHistoryMode = 'legacy' | 'paginated';

export type ThreadId = string;

export type ThreadItem = { startedAtMs?: number | null; completedAtMs?: number | null } & (
  | { type: 'userMessage'; id: string; clientId: string | null; content: Array<UserInput> }
  | { type: 'hookPrompt'; id: string; fragments: Array<HookPromptFragment> }
  | {
      type: 'agentMessage';
      moderation: AgentMessageModeration | null;
      id: string;
      text: string;
      phase: MessagePhase | null;
      memoryCitation: MemoryCitation | null;
      delivery: AgentMessageDelivery | null;
      questions: Array<AsyncUserInputQuestion> | null;
    }
  | {
      type: 'functionCallOutput';
      id: string;
      name: string;
      namespace: string | null;
      output: FunctionCallOutputBody;
    }
  | { type: 'plan'; id: string; text: string }
  | { type: 'reasoning'; id: string; summary: Array<string>; content: Array<string> }
  | {
      type: 'commandExecution';
      id: string;
      pluginId: string | null;
      scriptPath: string | null;
      command: string;
      cwd: LegacyAppPathString;
      processId: string | null;
      source: CommandExecutionSource;
      status: CommandExecutionStatus;
      commandActions: Array<CommandAction>;
      aggregatedOutput: string | null;
      exitCode: number | null;
      durationMs: number | null;
    }
  | { type: 'fileChange'; id: string; changes: Array<FileUpdateChange>; status: PatchApplyStatus }
  | {
      type: 'mcpToolCall';
      id: string;
      server: string;
      environmentId: string | null;
      tool: string;
      status: McpToolCallStatus;
      arguments: JsonValue;
      appContext: McpToolCallAppContext | null;
      mcpAppResourceUri?: string;
      mcpAppUi: McpAppUi | null;
      pluginId: string | null;
      readOnlyHint: boolean | null;
      result: McpToolCallResult | null;
      error: McpToolCallError | null;
      durationMs: number | null;
    }
  | {
      type: 'dynamicToolCall';
      id: string;
      namespace: string | null;
      tool: string;
      arguments: JsonValue;
      status: DynamicToolCallStatus;
      contentItems: Array<DynamicToolCallOutputContentItem> | null;
      success: boolean | null;
      durationMs: number | null;
    }
  | {
      type: 'collabAgentToolCall';
      id: string;
      tool: CollabAgentTool;
      status: CollabAgentToolCallStatus;
      senderThreadId: string;
      receiverThreadIds: Array<string>;
      prompt: string | null;
      model: string | null;
      reasoningEffort: ReasoningEffort | null;
      agentsStates: { [key in string]?: CollabAgentState };
    }
  | {
      type: 'subAgentActivity';
      model: string | null;
      reasoningEffort: ReasoningEffort | null;
      id: string;
      kind: SubAgentActivityKind;
      agentThreadId: string;
      agentPath: string;
    }
  | ({ type: 'webSearch' } & WebSearchItem)
  | { type: 'imageView'; id: string; path: LegacyAppPathString }
  | ({ type: 'sleep' } & SleepItem)
  | ({ type: 'imageGeneration' } & ImageGenerationItem)
  | { type: 'enteredReviewMode'; id: string; review: string }
  | { type: 'exitedReviewMode'; id: string; review: string }
  | { type: 'contextCompaction'; id: string }
);

export type ThreadItemEntry = {
  turnId: string;
  item: ThreadItem;
  outputDeferred?: boolean;
  startedAtMs: number | null;
  completedAtMs: number | null;
};

export type ThreadItemOutputDeferral = { commandExecution?: boolean; mcpToolCall?: boolean };

export type ThreadItemsListAnchor = { type: 'item'; itemId: string };

export type ThreadItemsListCursor = string | ThreadItemsListAnchor;

export type ThreadItemsListParams = {
  threadId: string;
  turnId?: string | null;
  cursor?: ThreadItemsListCursor | null;
  limit?: number | null;
  sortDirection?: SortDirection | null;
  deferOutput?: ThreadItemOutputDeferral | null;
};

export type ThreadItemsListResponse = {
  data: Array<ThreadItemEntry>;
  nextCursor: string | null;
  backwardsCursor: string | null;
};

export type ThreadListParams = {
  includeAttachedThreads?: boolean;
  currentAccountOnly?: boolean;
  cursor?: string | null;
  limit?: number | null;
  includedThreadIds?: Array<string> | null;
  excludedThreadIds?: Array<string> | null;
  sortKey?: ThreadSortKey | null;
  sortDirection?: SortDirection | null;
  modelProviders?: Array<string> | null;
  sourceKinds?: Array<ThreadSourceKind> | null;
  originators?: Array<string> | null;
  archived?: boolean | null;
  sectionId?: string | null;
  projectId?: string | null;
  cwd?: string | Array<string> | null;
  useStateDbOnly?: boolean;
  searchTerm?: string | null;
  parentThreadId?: string | null;
  ancestorThreadId?: string | null;
  attachedToThreadId?: string | null;
};

export type ThreadListResponse = {
  data: Array<Thread>;
  readStates: { [key in string]?: ThreadReadState } | null;
  nextCursor: string | null;
  backwardsCursor: string | null;
};

export type ThreadLoadedListParams = { cursor?: string | null; limit?: number | null };

export type ThreadLoadedListResponse = { data: Array<string>; nextCursor: string | null };

export type ThreadReadParams = { threadId: string; includeTurns?: boolean };

export type ThreadReadResponse = { thread: Thread; readState: ThreadReadState | null };

export type ThreadReadState = { firstUnread: ThreadUnreadPosition | null; revision: string };

export type ThreadResumeInitialTurnsPageParams = {
  limit?: number | null;
  sortDirection?: SortDirection | null;
  itemsView?: TurnItemsView | null;
};

export type ThreadResumeParams = {
  threadId: string;
  history?: Array<ResponseItem> | null;
  path?: string | null;
  model?: string | null;
  modelProvider?: string | null;
  serviceTier?: string | null | null;
  cwd?: string | null;
  runtimeWorkspaceRoots?: Array<AbsolutePathBuf> | null;
  approvalPolicy?: AskForApproval | null;
  approvalsReviewer?: ApprovalsReviewer | null;
  sandbox?: SandboxMode | null;
  permissions?: string | null;
  config?: { [key in string]?: JsonValue } | null;
  baseInstructions?: string | null;
  developerInstructions?: string | null;
  personality?: Personality | null;
  excludeTurns?: boolean;
  initialTurnsPage?: ThreadResumeInitialTurnsPageParams | null;
};

export type ThreadResumeResponse = {
  thread: Thread;
  model: string;
  modelProvider: string;
  serviceTier: string | null;
  disabledPluginIds: Array<string>;
  cwd: AbsolutePathBuf;
  runtimeWorkspaceRoots: Array<AbsolutePathBuf>;
  instructionSources: Array<LegacyAppPathString>;
  approvalPolicy: AskForApproval;
  approvalsReviewer: ApprovalsReviewer;
  sandbox: SandboxPolicy;
  activePermissionProfile: ActivePermissionProfile | null;
  reasoningEffort: ReasoningEffort | null;
  collaborationMode: CollaborationMode | null;
  multiAgentMode: MultiAgentMode;
  initialTurnsPage: TurnsPage | null;
  turnsBackwardsCursor: string | null;
  itemsBackwardsCursor: string | null;
};

export type ThreadSection = unknown;

export type ThreadSettingsUpdateParams = {
  threadId: string;
  disabledPluginIds?: Array<string> | null;
  cwd?: string | null;
  environments?: Array<TurnEnvironmentParams> | null;
  approvalPolicy?: AskForApproval | null;
  approvalsReviewer?: ApprovalsReviewer | null;
  sandboxPolicy?: SandboxPolicy | null;
  permissions?: string | null;
  model?: string | null;
  serviceTier?: string | null | null;
  effort?: ReasoningEffort | null;
  summary?: ReasoningSummary | null;
  collaborationMode?: CollaborationMode | null;
  multiAgentMode?: MultiAgentMode | null;
  personality?: Personality | null;
};

export type ThreadSettingsUpdateResponse = Record<string, never>;

export type ThreadSortKey = 'created_at' | 'updated_at' | 'recency_at' | 'section_position';

export type ThreadSource = string;

export type ThreadSourceKind =
  | 'cli'
  | 'vscode'
  | 'exec'
  | 'appServer'
  | 'subAgent'
  | 'subAgentReview'
  | 'subAgentCompact'
  | 'subAgentThreadSpawn'
  | 'subAgentOther'
  | 'unknown';

export type ThreadStatus =
  | { type: 'notLoaded' }
  | { type: 'idle' }
  | { type: 'systemError' }
  | { type: 'active'; activeFlags: Array<ThreadActiveFlag> };

export type ThreadStatusChangedNotification = { threadId: string; status: ThreadStatus };

export type ThreadTokenUsage = {
  total: TokenUsageBreakdown;
  last: TokenUsageBreakdown;
  modelContextWindow: number | null;
};

export type ThreadTokenUsageUpdatedNotification = {
  threadId: string;
  turnId: string;
  tokenUsage: ThreadTokenUsage;
};

export type ThreadTurnsListParams = {
  threadId: string;
  cursor?: string | null;
  limit?: number | null;
  sortDirection?: SortDirection | null;
  itemsView?: TurnItemsView | null;
};

export type ThreadTurnsListResponse = {
  data: Array<Turn>;
  nextCursor: string | null;
  backwardsCursor: string | null;
};

export type ThreadUnreadPosition = { type: 'threadStart' } | { type: 'turn'; turnId: string };

export type ThreadUnsubscribeParams = { threadId: string };

export type ThreadUnsubscribeResponse = { status: ThreadUnsubscribeStatus };

export type ThreadUnsubscribeStatus = 'notLoaded' | 'notSubscribed' | 'unsubscribed';

export type TokenUsageBreakdown = {
  totalTokens: number;
  inputTokens: number;
  cachedInputTokens: number;
  cacheWriteInputTokens: number;
  outputTokens: number;
  reasoningOutputTokens: number;
};

export type ToolRequestUserInputAnswer = { answers: Array<string> };

export type ToolRequestUserInputOption = { label: string; description: string };

export type ToolRequestUserInputParams = {
  threadId: string;
  turnId: string;
  itemId: string;
  questions: Array<ToolRequestUserInputQuestion>;
  isBlocking: boolean;
  autoResolutionMs: number | null;
};

export type ToolRequestUserInputQuestion = {
  id: string;
  header: string;
  question: string;
  isOther: boolean;
  isSecret: boolean;
  options: Array<ToolRequestUserInputOption> | null;
};

export type ToolRequestUserInputResponse = { answers: { [key in string]?: ToolRequestUserInputAnswer } };

export type TrustedContacts = 'check' | 'skip';

export type Turn = {
  id: string;
  rootTurnId: string | null;
  items: Array<ThreadItem>;
  itemsView: TurnItemsView;
  status: TurnStatus;
  error: TurnError | null;
  startedAt: number | null;
  completedAt: number | null;
  durationMs: number | null;
};

export type TurnCompletedNotification = { threadId: string; turn: Turn };

export type TurnDiffUpdatedNotification = { threadId: string; turnId: string; diff: string };

export type TurnEnvironmentParams = unknown;

export type TurnError = {
  message: string;
  codexErrorInfo: CodexErrorInfo | null;
  additionalDetails: string | null;
  misalignment: MisalignmentErrorDetails | null;
};

export type TurnInterruptParams = { threadId: string; turnId: string };

export type TurnInterruptResponse = Record<string, never>;

export type TurnItemsView = 'notLoaded' | 'summary' | 'full';

export type TurnPlanStep = { step: string; status: TurnPlanStepStatus };

export type TurnPlanStepStatus = 'pending' | 'inProgress' | 'completed';

export type TurnPlanUpdatedNotification = {
  threadId: string;
  turnId: string;
  explanation: string | null;
  plan: Array<TurnPlanStep>;
};

export type TurnStartParams = {
  threadId: string;
  disabledPluginIds?: Array<string> | null;
  clientUserMessageId?: string | null;
  input: Array<UserInput>;
  turnTrigger?: string | null;
  parentTurnId?: string | null;
  rootTurnId?: string | null;
  toolOutput?: TurnToolOutput | null;
  responsesapiClientMetadata?: { [key in string]?: string } | null;
  responsesapiClientMetadataPatch?: { [key in string]?: string } | null;
  additionalContext?: { [key in string]?: AdditionalContextEntry } | null;
  environments?: Array<TurnEnvironmentParams> | null;
  cwd?: string | null;
  runtimeWorkspaceRoots?: Array<AbsolutePathBuf> | null;
  approvalPolicy?: AskForApproval | null;
  approvalsReviewer?: ApprovalsReviewer | null;
  sandboxPolicy?: SandboxPolicy | null;
  permissions?: string | null;
  model?: string | null;
  serviceTier?: string | null | null;
  serviceTierForTurn?: string | null;
  effort?: ReasoningEffort | null;
  summary?: ReasoningSummary | null;
  personality?: Personality | null;
  outputSchema?: JsonValue | null;
  collaborationMode?: CollaborationMode | null;
  multiAgentMode?: MultiAgentMode | null;
  cyberAccessProgram?: CyberAccessProgram | null;
};

export type TurnStartResponse = { turn: Turn };

export type TurnStartedNotification = { threadId: string; turn: Turn };

export type TurnStatus = 'completed' | 'interrupted' | 'failed' | 'inProgress';

export type TurnSteerParams = {
  threadId: string;
  clientUserMessageId?: string | null;
  input: Array<UserInput>;
  responsesapiClientMetadata?: { [key in string]?: string } | null;
  responsesapiClientMetadataPatch?: { [key in string]?: string } | null;
  additionalContext?: { [key in string]?: AdditionalContextEntry } | null;
  expectedTurnId: string;
};

export type TurnSteerResponse = { turnId: string };

export type TurnToolOutput = unknown;

export type TurnsPage = { data: Array<Turn>; nextCursor: string | null; backwardsCursor: string | null };

export type UserInput =
  | { type: 'text'; text: string; text_elements: Array<TextElement> }
  | ({ type: 'image'; detail?: ImageDetail } & ({ url: string } | { fileId: string }))
  | { type: 'localImage'; detail?: ImageDetail; path: string }
  | ({ type: 'audio' } & ({ url: string } | { fileId: string }))
  | { type: 'localAudio'; path: string }
  | { type: 'skill'; name: string; path: string }
  | { type: 'mention'; name: string; path: string };

export type WebSearchItem = unknown;
