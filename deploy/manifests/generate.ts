import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { fluxCrds } from '../../proto/model/flux/crds.ts'
import { crdFile } from './crd-file.ts'

const dir = new URL('./crds/', import.meta.url)
await mkdir(dir, { recursive: true })
const files = fluxCrds().map(crdFile)
const names = new Set(files.map(({ name }) => name))
for (const name of await readdir(dir)) if (!names.has(name)) await rm(new URL(name, dir))
for (const { name, text } of files) await writeFile(new URL(name, dir), text)
process.stdout.write(`${files.length} CustomResourceDefinitions written to deploy/manifests/crds\n`)
