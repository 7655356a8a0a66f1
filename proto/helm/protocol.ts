/** How the program reaches the API server, and as whom it acts. Never without `as`. */
export interface HelmKube {
  readonly server: string
  /** PEM texts. */
  readonly caData?: string
  readonly certData?: string
  readonly keyData?: string
  readonly token?: string
  readonly serverName?: string
  readonly insecure?: boolean
  /** User name to impersonate: `system:serviceaccount:<namespace>:<name>`. The API server fills in its groups. */
  readonly as: string
}

export interface HelmTarget {
  readonly name: string
  readonly namespace: string
  readonly storageNamespace: string
}

export interface HelmChart {
  /** Chart archive on disk, its digest already checked. */
  readonly path: string
  /** Version to record instead of the chart's own. */
  readonly version?: string
}

export interface HelmPostRender {
  /** Whether hooks are rendered too: not at all, together with the templates, or in a pass of their own. */
  readonly strategy: 'nohooks' | 'combined' | 'separate'
  /** Passes in their order; patches and images as in a kustomization. */
  readonly kustomize: readonly { readonly patches?: readonly unknown[] | undefined; readonly images?: readonly unknown[] | undefined }[]
  readonly originLabels: Readonly<Record<string, string>>
  readonly commonMetadata?: {
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

/** `parent`: Helm waits for hooks, and whoever asked for the action waits for what was applied. */
export type HelmWait = 'parent' | 'watcher' | 'legacy' | 'none'
export type HelmCrds = 'Skip' | 'Create' | 'CreateReplace'
export type HelmServerSideApply = 'enabled' | 'disabled' | 'auto'

interface Waiting {
  /** Limit of each single wait, as helm's `--timeout`. */
  readonly timeoutMs: number
  readonly wait: HelmWait
  readonly waitForJobs?: boolean
  readonly disableHooks?: boolean
  /** Objects that the parent judges in its own way, however ready they seem; every kind of a group where none is named. */
  readonly judged?: readonly { readonly group: string; readonly kind?: string }[]
}

interface Changing extends Waiting {
  readonly serverSideApply: HelmServerSideApply
  readonly force?: boolean
}

interface Rendering extends Changing {
  readonly crds: HelmCrds
  readonly takeOwnership?: boolean
  readonly disableOpenAPIValidation?: boolean
  readonly disableSchemaValidation?: boolean
}

export interface HelmInstallOptions extends Rendering {
  readonly replace?: boolean
  readonly createNamespace?: boolean
}

export interface HelmUpgradeOptions extends Rendering {
  readonly cleanupOnFail?: boolean
  /** Merge the values into those of the last release instead of replacing them. */
  readonly preserveValues?: boolean
  /** Releases kept in storage; 0 for all. */
  readonly maxHistory?: number
}

export interface HelmRollbackOptions extends Changing {
  /** Release version to go back to; the one before the last where absent. */
  readonly rollbackTo?: number
  readonly cleanupOnFail?: boolean
  readonly maxHistory?: number
}

export interface HelmUninstallOptions extends Waiting {
  readonly keepHistory?: boolean
  readonly deletionPropagation?: 'background' | 'foreground' | 'orphan'
}

export interface HelmTestOptions {
  readonly timeoutMs: number
  readonly testFilters?: readonly { readonly name: string; readonly exclude?: boolean }[]
}

/** What a dry run renders: an install, or an upgrade of the last release. Nothing is changed; lookups are answered. */
export interface HelmTemplateOptions {
  readonly isUpgrade?: boolean
  readonly preserveValues?: boolean
  readonly disableOpenAPIValidation?: boolean
  readonly disableSchemaValidation?: boolean
}

/** A chart with final values, as the templates see them. */
export interface HelmInput {
  readonly chart: HelmChart
  readonly values: Readonly<Record<string, unknown>>
  readonly postRender?: HelmPostRender
}

/** One thing to do with one release. */
export type HelmAction = {
  readonly release: HelmTarget
  /**
   * Texts that no answer or log line may hold: what came out of Secrets. Where absent, every value is hidden, or every
   * value in the release's history where the action brings none.
   */
  readonly secrets?: readonly string[]
} & (
  | ({ readonly action: 'install'; readonly options: HelmInstallOptions } & HelmInput)
  | ({ readonly action: 'upgrade'; readonly options: HelmUpgradeOptions } & HelmInput)
  | { readonly action: 'rollback'; readonly options: HelmRollbackOptions }
  | { readonly action: 'uninstall'; readonly options: HelmUninstallOptions }
  | { readonly action: 'test'; readonly options: HelmTestOptions }
  | ({ readonly action: 'template'; readonly options: HelmTemplateOptions } & HelmInput)
)

/** What goes to the program's stdin, as one line of JSON. */
export type HelmRequest = HelmAction & { readonly kube: HelmKube }

/** Helm's own words for where a release is. */
export type HelmStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'

export interface HelmHookRun {
  readonly name: string
  readonly kind: string
  /** `test`, `pre-install`, … */
  readonly events: readonly string[]
  readonly phase: '' | 'Unknown' | 'Running' | 'Succeeded' | 'Failed'
  /** RFC 3339; absent where it did not run. */
  readonly startedAt?: string
  readonly completedAt?: string
}

/** The release an action made or met; its values and manifests are in the storage. */
export interface HelmReleaseFacts {
  readonly version: number
  readonly status: HelmStatus
  readonly description: string
  readonly namespace: string
  readonly chart: { readonly name: string; readonly version: string; readonly appVersion?: string }
  readonly applyMethod?: string
  readonly hooks: readonly HelmHookRun[]
}

/** A CustomResourceDefinition of the chart's `crds` folders, and what became of it. */
export interface HelmCrd {
  readonly apiVersion: string
  readonly name: string
  readonly did: 'created' | 'replaced' | 'kept' | 'skipped'
}

/** What a dry run rendered. Holds whatever the values hold: mask Secrets before showing it. */
export interface HelmRendered {
  readonly manifest: string
  readonly hooks: readonly { readonly name: string; readonly events: readonly string[]; readonly manifest: string }[]
  /** Texts out of Secrets that `lookup` read. */
  readonly secrets?: readonly string[]
}

/** An object as it was applied, which was not ready at once. */
export interface HelmAwaited {
  readonly apiVersion: string
  readonly kind: string
  /** Absent where the kind has none. */
  readonly namespace?: string
  readonly name: string
  /** States before this one are of no interest. */
  readonly resourceVersion: string
  /** It has the label of the HelmRelease that it is from. */
  readonly isLabelled: boolean
}

/** A release that is pending in the storage until whoever asked for it has waited for its objects and records the end. */
export interface HelmWaiting {
  readonly version: number
  /** The version that it takes the place of. */
  readonly former?: number
  readonly objects: readonly HelmAwaited[]
}

/** The last line of an answer. */
export type HelmAnswer =
  | {
      readonly ok: true
      readonly waiting?: HelmWaiting
      /** Absent after an uninstall that kept no history. */
      readonly release?: HelmReleaseFacts
      readonly crds?: readonly HelmCrd[]
      readonly rendered?: HelmRendered
    }
  | { readonly ok: false; readonly error: string; readonly release?: HelmReleaseFacts; readonly crds?: readonly HelmCrd[] }

/** What came of an action, as its caller sees it. */
export type HelmOutcome =
  | { readonly kind: 'done'; readonly answer: Extract<HelmAnswer, { ok: true }>; readonly log: readonly string[] }
  /** All is done but for a wait, and nothing comes after it. */
  | { readonly kind: 'waiting'; readonly waiting: HelmWaiting; readonly log: readonly string[] }
  /** Helm could not: the release may have been recorded as failed. */
  | { readonly kind: 'refused'; readonly answer: Extract<HelmAnswer, { ok: false }>; readonly log: readonly string[] }
  /** The program died or ran out of time: the release may be left pending. */
  | {
      readonly kind: 'lost'
      readonly cause: 'deadline' | 'memory' | 'output' | 'exit'
      readonly message: string
      readonly log: readonly string[]
    }
