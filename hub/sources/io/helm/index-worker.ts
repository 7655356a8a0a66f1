import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../../../../proto/base/errors.ts'
import { readVersions } from '../../helm/index-file.ts'
import type { ReadVersions, VersionsRead } from './read-versions.ts'

// The program of a worker that reads one section of an index; it ends when it has answered.

const { name, text } = workerData as ReadVersions
parentPort?.postMessage(answer())

function answer(): VersionsRead {
  try {
    return { versions: readVersions(Buffer.from(text).toString(), name) }
  } catch (error) {
    return { problem: messageOf(error).split('\n', 1)[0] ?? '' }
  }
}
