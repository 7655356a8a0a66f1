import { stringify } from 'yaml'
import { LIKE_GO } from '../../proto/model/go-yaml.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** The manifests as one YAML stream, members in a fixed order: equal manifests give equal text. */
export function manifestsYaml(manifests: readonly Manifest[]): string {
  return manifests
    .map((manifest) => `---\n${stringify(manifest, { ...LIKE_GO, lineWidth: 0, sortMapEntries: true, aliasDuplicateObjects: false })}`)
    .join('')
}
