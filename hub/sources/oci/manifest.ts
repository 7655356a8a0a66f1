import { z } from 'zod'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** An artifact: its layers and what is written on it. */
export interface OciManifest {
  readonly layers: readonly Descriptor[]
  readonly annotations: Readonly<Record<string, string>>
}

export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const

export const DIGEST = /^sha256:[0-9a-f]{64}$/

const annotations = z.record(z.string(), z.string())
const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().regex(DIGEST),
  size: z.number().int().nonnegative(),
  annotations: annotations.optional(),
})
const manifest = z.object({ layers: z.array(descriptor), annotations: annotations.nullish() })
const index = z.object({
  manifests: z.array(descriptor.extend({ platform: z.object({ os: z.string(), architecture: z.string() }).partial().nullish() })),
})

/** What a registry answered for a manifest; `index` names the one of several that is meant. Undefined where it is neither. */
export function parseManifest(
  text: string,
): { readonly kind: 'manifest'; readonly manifest: OciManifest } | { readonly kind: 'index'; readonly digest: string } | undefined {
  const value = parseJson(text)
  const asIndex = index.safeParse(value)
  if (asIndex.success) {
    const digest = asIndex.data.manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64')?.digest
    return digest === undefined ? undefined : { kind: 'index', digest }
  }
  const parsed = manifest.safeParse(value)
  if (!parsed.success) return undefined
  return { kind: 'manifest', manifest: { layers: parsed.data.layers, annotations: parsed.data.annotations ?? {} } }
}

/** The layer of the media type, or the first; a sentence where there is none. */
export function pickLayer(layers: readonly Descriptor[], mediaType: string | undefined): Descriptor | { readonly problem: string } {
  if (layers.length === 0) return { problem: 'no layers found in artifact' }
  const found = mediaType === undefined ? layers[0] : layers.find((layer) => layer.mediaType === mediaType)
  return found ?? { problem: `failed to find layer with media type '${mediaType}' in artifact` }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
