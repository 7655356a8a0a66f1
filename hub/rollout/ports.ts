import type { ClusterId } from '../../proto/model/ids.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ClusterFacts, Content, Run, Settle, SourceObject, Step } from './model.ts'
import type { News } from './news.ts'
import type { ChainFacts } from './why.ts'

/** Who did something by hand, and why. */
export interface Word {
  readonly by: string
  readonly reason?: string | undefined
  readonly since: string
}

export interface RolloutProblem {
  readonly cluster?: string
  readonly message: string
}

/** The source that a Rollout moves, and its URL and options in most clusters. */
export interface Moves {
  readonly kind: string
  readonly name: string
  readonly origin?: string | undefined
  /** The number of the last run that moved another source. */
  readonly since: number
}

/** What outlives the runs of a Rollout. */
export interface RolloutState {
  readonly newest: Content | undefined
  readonly seen: string | undefined
  /** What clusters are given that join while nothing is on its way. */
  readonly standing: Content | undefined
  readonly hold: Word | undefined
  readonly paused: Word | undefined
  readonly asked:
    | { readonly content: Content; readonly cause: 'promote' | 'rollback'; readonly by: string; readonly reason?: string | undefined }
    | undefined
  /** What is wrong with the choice of clusters and their sources: the first ones, and how many more there are. */
  readonly problems: readonly RolloutProblem[]
  readonly moreProblems: number
  readonly lastNumber: number
  /** What it moves; undefined before its clusters were chosen. */
  readonly moves?: Moves | undefined
}

/** What is known of a run beside what decides. */
export interface RunNote {
  readonly number: number
  readonly startedBy: string | undefined
  readonly commit: { readonly author?: string; readonly subject?: string }
}

/** A run as history tells of it. */
export interface EndedRun extends Pick<Run, 'cause' | 'state' | 'startedAt' | 'outcome'> {
  readonly note: RunNote
  readonly revision: string
  readonly endedAt: Date
  /** Who approved a wave of it, each once. */
  readonly approvedBy: readonly string[]
}

/** Objects that a Rollout leaves out since they are suspended; the first ones by name of the cluster. */
export interface Suspended {
  readonly first: readonly { readonly cluster: string; readonly object: string }[]
  readonly total: number
}

export interface StoredRun {
  readonly run: Run
  readonly note: RunNote
  /** What people said of its waves, by name: who. */
  readonly approvals: ReadonlyMap<string, string>
  readonly skips: ReadonlyMap<string, string>
}

/** A cluster that holds the source object. */
export interface Candidate {
  readonly clusterId: ClusterId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly sourceKey: string
  /** URL and options: objects that differ in them cannot share a run. */
  readonly origin: string
  /** What its Source resolved last. */
  readonly newest: Content | null
  /** When that was seen first. */
  readonly newestAt: Date | null
  /** Why its Source cannot be fetched now. */
  readonly problem: string | null
  /** Somebody suspended the object: it resolves nothing, and nobody waits for it. */
  readonly suspended: boolean
  /** What the cluster was released last. */
  readonly has: Content | null
  /** uid and `namespace/name` of the Rollout that governs the object there. */
  readonly governedBy: string | null
  readonly governor: string | null
}

/** What a survey came to. */
export interface Chosen {
  readonly clusters: readonly { readonly clusterId: ClusterId; readonly apart: boolean }[]
  /** Clusters that it governed before the candidates were read: one that joined since is not let go. */
  readonly held: readonly ClusterId[]
  /** Clusters that hold the source and that the tenant may use, whoever governs them. */
  readonly candidates: readonly ClusterId[]
}

/** What became of clusters that a Rollout gave up: another one that chooses them has them from then on, else nobody. */
export interface LetGo {
  /** Sources with something to settle. */
  readonly settle: readonly string[]
  /** `namespace/name` of the Rollouts that inherited. */
  readonly heirs: readonly string[]
}

/** A Rollout inside one transaction that holds its row: nobody else decides about it meanwhile. */
export interface RolloutRows {
  /** The database's. */
  readonly now: Date
  readonly state: RolloutState
  /** Revisions that were taken back. */
  readonly bad: ReadonlySet<string>
  /** The run in progress, or the last one. */
  readonly current: StoredRun | undefined
  save(state: RolloutState, lookAt: Date | undefined): Promise<void>
  /** Takes the clusters over, and lets go of those that it held and are not among them. */
  govern(source: SourceObject, chosen: Chosen): Promise<LetGo>
  /**
   * The clusters as they are; of those that the run gave its content, how they do at it. Where it is said what was `heard`,
   * nothing is asked of clusters that were healthy, or whose wave is to come, and are not among those.
   */
  facts(source: SourceObject, run: Run | undefined, heard?: ReadonlySet<string>): Promise<readonly ClusterFacts[]>
  /** Wave of each cluster in the last run that was none back, by name. */
  kept(): Promise<ReadonlyMap<ClusterId, string>>
  /** Keeps so many runs that ended beside it. */
  startRun(
    run: Run,
    about: { readonly number: number; readonly startedBy: string | undefined; readonly historyLimit: number },
  ): Promise<RunNote>
  saveRun(before: Run, after: Run): Promise<void>
  /** Carries out what a decision came to. @returns sources with something to settle */
  carryOut(run: Run, steps: readonly Step[], source: SourceObject): Promise<readonly Settle[]>
  /** Gives governed clusters without a grant what the others have. @returns sources with something to settle */
  welcome(content: Content, source: SourceObject): Promise<readonly Settle[]>
  /** A revision that sources of the Rollout have seen, by its name or by a part that only it has. */
  revision(text: string, source: SourceObject): Promise<Content | undefined>
  /** Keeps what a person said of a wave of the current run. */
  say(wave: string, what: 'approve' | 'skip', by: string): Promise<void>
}

export interface RolloutStore {
  /** Makes the row of a Rollout, where there is none. */
  open(rollout: RolloutName): Promise<void>
  /** The clusters that a Rollout governs now. */
  held(uid: string): Promise<readonly ClusterId[]>
  /** Clusters with the source object that the tenant may use; every one where there is no tenant to limit them. */
  candidates(source: SourceObject, tenant: string | undefined): Promise<readonly Candidate[]>
  /** True for a Placement that there is none of. */
  isMissing(source: SourceObject): Promise<boolean>
  /** A decision about each of them: all or nothing of what `work` writes. @returns in their order; undefined where a Rollout is gone */
  decide<T>(
    rollouts: readonly RolloutName[],
    work: (rows: RolloutRows, rollout: RolloutName) => Promise<T>,
  ): Promise<readonly (T | undefined)[]>
  /** Lets go of all clusters of the Rollouts that had this name, but the one with that uid. */
  forget(name: Omit<RolloutName, 'uid'>, but?: string): Promise<LetGo>
  /** `namespace/name` of every Rollout that has rows. */
  all(): Promise<readonly string[]>
  /** The content of the last run that succeeded before this revision came. */
  lastGood(uid: string, before: string): Promise<Content | undefined>
  /** Sources of objects that are not released what they were granted. */
  unsettled(uid: string): Promise<readonly string[]>
  /** Runs that ended before the present or last one, by Rollout, last one first. */
  history(of: readonly { readonly uid: string; readonly limit: number }[]): Promise<ReadonlyMap<string, readonly EndedRun[]>>
  /** What Rollouts move and somebody suspended: it is left out. Nothing for those that leave nothing out. */
  suspended(uids: readonly string[]): Promise<ReadonlyMap<string, Suspended>>
  /** Rollouts that move objects of these sources, or these Placements. */
  ofSources(keys: readonly string[]): Promise<readonly string[]>
  /** Rollouts that move something which clusters of these names hold, whether they govern it there or not. */
  ofClusters(names: readonly string[]): Promise<readonly string[]>
  /** Rollouts whose run in progress the news may matter to, with the clusters that it is of. */
  ofNews(news: readonly News[]): Promise<readonly { readonly key: string; readonly cluster: string }[]>
  chains(query: ChainQuery): Promise<readonly Chain[]>
  /** Placements with the object that is asked about, or of that name, that leave the cluster out. */
  placementsWith(query: ChainQuery): Promise<readonly PlacementAt[]>
  /** The present or last run of a Rollout, as it is without its lock. */
  peek(
    name: Omit<RolloutName, 'uid'>,
  ): Promise<{ readonly state: RolloutState; readonly run: Run | undefined; readonly now: Date } | undefined>
  /** Says that a hub is awake. @returns Rollouts whose time to be looked at has come */
  beat(): Promise<readonly string[]>
}

/** One cluster, and the object there that is asked about: a source, or what consumes one. */
export interface ChainQuery {
  readonly clusterId: string
  /** Undefined for every one. */
  readonly namespaces: readonly string[] | undefined
  readonly object?: { readonly kind: string; readonly namespace: string; readonly name: string } | undefined
}

export interface PlacementAt {
  readonly namespace: string
  readonly name: string
  readonly revision: string
}

/** The way of a commit to a cluster; the Rollout by its `namespace/name`. */
export interface Chain extends Omit<ChainFacts, 'rollout'> {
  readonly rollout: string | undefined
}

export interface RolloutName {
  readonly uid: string
  readonly namespace: string
  readonly name: string
}

/** The Rollouts of the fleet. */
export interface RolloutObjects {
  /** Those that are there. */
  get(all: readonly Omit<RolloutName, 'uid'>[]): Promise<readonly Manifest[]>
  /** Those that are gone are left out. */
  changeStatuses(all: readonly { readonly at: Omit<RolloutName, 'uid'>; readonly change: (old: Manifest) => unknown }[]): Promise<void>
}
