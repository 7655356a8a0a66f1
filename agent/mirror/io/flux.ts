import type { Clock } from '../../../proto/base/clock.ts'
import { messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { Kustomization } from '../../../proto/model/flux/kustomize/kinds.ts'
import { isSource, type SourceObject } from '../../../proto/model/flux/source/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ImpersonatedKube, Kube } from '../../kube/model.ts'
import type { KubeTarget } from '../../kube/target.ts'
import type { MirroredObject } from '../model.ts'
import { reportKey, strip } from '../strip.ts'
import { type CallDesk, openCallDesk } from './carry-out.ts'
import { type CredentialDeps, type Credentials, createCredentials, type ReportedCredential } from './credentials.ts'
import { type FluxMirror, openFluxMirror } from './flux-mirror.ts'
import { createFluxWriter, type FluxWriter } from './write.ts'

export interface FluxDeps {
  readonly own: Kube
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly target: KubeTarget
  readonly identify: CredentialDeps['identify']
  readonly refuseCaller: (account: ServiceAccountRef) => string | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What a report says of an object. */
export interface Sketch {
  readonly stripped: Manifest
  /** Equal for two sightings that tell the hub nothing new. */
  readonly key: string
  readonly credential: ReportedCredential
  /** True when the credential could not be read just now: look again. */
  readonly unread: boolean
}

/** The Flux objects of this cluster: seen, written to, called upon, described. */
export interface Flux extends AsyncDisposable {
  readonly mirror: FluxMirror
  readonly write: FluxWriter
  readonly desk: CallDesk
  readonly credentials: Credentials
  kustomizations(): Iterable<Kustomization>
  kustomization(key: string): Kustomization | undefined
  source(key: string): SourceObject | undefined
  helmReleases(): Iterable<HelmRelease>
  helmRelease(key: string): HelmRelease | undefined
  sketch(key: string): Promise<Sketch | undefined>
}

const NO_CREDENTIAL: ReportedCredential = { sealedCredential: undefined, credentialProblem: undefined, hash: '' }

export function openFlux(deps: FluxDeps): Flux {
  const { clock, random, log } = deps
  const mirror = openFluxMirror(deps.own, { clock, random, log })
  const credentials = createCredentials({ as: deps.as, identify: deps.identify, fingerprintKey: Buffer.from(random.hex(32), 'hex') })
  const desk = openCallDesk({ target: deps.target, refuse: deps.refuseCaller, wrote: (manifest) => mirror.put(manifest), clock, log })
  const stop = new AbortController()
  return {
    mirror,
    write: createFluxWriter(deps.own, mirror),
    desk,
    credentials,
    *kustomizations() {
      for (const mirrored of mirror.all()) {
        const object = objectOf(mirrored)
        if (object?.kind === 'Kustomization') yield object
      }
    },
    kustomization(key) {
      const object = objectOf(mirror.byKey(key))
      return object?.kind === 'Kustomization' ? object : undefined
    },
    *helmReleases() {
      for (const mirrored of mirror.all()) {
        const object = objectOf(mirrored)
        if (object?.kind === 'HelmRelease') yield object
      }
    },
    helmRelease(key) {
      const object = objectOf(mirror.byKey(key))
      return object?.kind === 'HelmRelease' ? object : undefined
    },
    source(key) {
      const object = objectOf(mirror.byKey(key))
      return object && isSource(object) ? object : undefined
    },
    async sketch(key) {
      const mirrored = mirror.byKey(key)
      if (!mirrored) return undefined
      const { manifest } = mirrored
      const object = objectOf(mirrored)
      const told = { stripped: strip(manifest), key: reportKey(manifest) }
      if (!object || !isSource(object)) return { ...told, credential: NO_CREDENTIAL, unread: false }
      try {
        return { ...told, credential: await credentials.of(key, object, stop.signal), unread: false }
      } catch (error) {
        const credentialProblem = { reason: 'AuthenticationFailed', message: messageOf(error), stalled: false }
        return { ...told, credential: { sealedCredential: undefined, credentialProblem, hash: 'unread' }, unread: true }
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await desk[Symbol.asyncDispose]()
      await mirror[Symbol.asyncDispose]()
    },
  }
}

function objectOf(mirrored: MirroredObject | undefined) {
  return mirrored && 'object' in mirrored.parsed ? mirrored.parsed.object : undefined
}
