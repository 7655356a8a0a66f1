import type { Manifest } from '../../proto/model/manifest.ts'
import { manifestsYaml } from './yaml.ts'

/** The file of a CustomResourceDefinition: `<group>_<plural>.yaml`, as Flux names its own. */
export function crdFile(crd: Manifest): { readonly name: string; readonly text: string } {
  const dot = crd.metadata.name.indexOf('.')
  const [plural, group] = [crd.metadata.name.slice(0, dot), crd.metadata.name.slice(dot + 1)]
  return { name: `${group}_${plural}.yaml`, text: manifestsYaml([crd]) }
}
