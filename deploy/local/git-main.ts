import { openLog } from '../../proto/base/log.ts'
import { openGitServer } from './git-server.ts'

// The git server of a local world as a process: `node deploy/local/git-main.ts DIR PORT`.

const [dir = '', port = '0'] = process.argv.slice(2)
const log = openLog({ level: 'info', program: 'git' })
const server = await openGitServer({ dir, port: Number(port), log })
log.info({ event: 'local.git.ready', url: server.url }, 'git server is ready')
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server[Symbol.asyncDispose]())
