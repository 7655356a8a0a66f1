import type { PlacedFact } from '../../proto/model/facts.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { ManagedField, Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { PlacedReport } from '../../proto/model/report.ts'
import type { Adoption, Identity } from '../tenancy/model.ts'

/** The cluster, as far as placed objects go. */
export interface PlacedCluster {
  /** As the watch showed it last; undefined where it knows of none. */
  mirrored(ref: ObjectRef): Manifest | undefined
  /** As it is now; undefined where there is none, or its kind is not served. */
  live(
    ref: ObjectRef,
    signal: AbortSignal,
  ): Promise<{ readonly manifest: Manifest; readonly managedFields: readonly ManagedField[] } | undefined>
  apply(account: ServiceAccountRef, manifest: Manifest, signal: AbortSignal): Promise<void>
  /** Deletes this very object; its own finalizers do what they do. */
  remove(account: ServiceAccountRef, live: Manifest, signal: AbortSignal): Promise<void>
}

/** Who says what is to be placed, and as whom. */
export interface PlacedGrounds {
  fact(key: string): PlacedFact | undefined
  identify(namespace: string, leaving: boolean): Identity
  adoption(): Adoption
  admits(ref: ObjectRef): boolean
}

/** Hears what became of placed objects. */
export interface PlacedVoice {
  placed(word: PlacedReport): void
  forgetPlaced(key: string): void
}
