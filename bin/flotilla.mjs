#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeProgram } from '../deploy/setup/node.mjs'
import { findTool } from '../deploy/tools/tools.mjs'

// Runs on Node 20 as well: finds the Node that Flotilla needs and hands everything over to it.

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const SERVERS = { hub: 'hub/main.ts', agent: 'agent/main.ts' }
const PROGRAMS = { FLOTILLA_NATS_SERVER: 'nats-server', FLOTILLA_KUSTOMIZE: 'flotilla-kustomize', FLOTILLA_HELM: 'flotilla-helm' }

function main() {
  const [command = '', ...rest] = process.argv.slice(2)
  const server = Object.hasOwn(SERVERS, command) ? SERVERS[command] : undefined
  const script = server ? [join(root, server), ...rest] : [join(root, 'hub/cli/main.ts'), ...process.argv.slice(2)]
  const env = server ? { ...process.env, ...programPaths() } : process.env
  const child = spawn(nodeProgram(root), script, { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.once('error', fail)
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
  })
}

/** Where the programs that hub and agent start are, as far as they are known and not set already. */
function programPaths() {
  const found = Object.entries(PROGRAMS).flatMap(([variable, tool]) => {
    const path = process.env[variable] ?? findTool(tool)
    return path ? [[variable, path]] : []
  })
  return Object.fromEntries(found)
}

function fail(error) {
  process.stderr.write(`flotilla: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

try {
  main()
} catch (error) {
  fail(error)
}
