import { readFileSync } from 'node:fs'

// Usage: node .ci/count.mjs RESULTS FAULTS: prints the counts of vitest's JSON report; exit code 1 when a test failed,
// a test file could not be run, no test ran, or an earlier step failed.

const [file = '', faults = '0'] = process.argv.slice(2)

function readResults() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { success: false }
  }
}

const { numPassedTests: passed = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0, success, testResults = [] } = readResults()
const broken = testResults.filter((each) => each.status === 'failed' && each.assertionResults.length === 0)
const failed = numFailedTests + broken.length
const skipped = numPendingTests + numTodoTests

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = success && failed === 0 && passed > 0 && faults === '0' ? 0 : 1
