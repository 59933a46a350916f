// The lab from Node.js: each call is a `lab` command with `--json`.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { connect as dial } from "@nats-io/transport-node";

process.env.LAB_NAME ??= "orders-js"; // which lab all commands mean

export async function lab(...words) {
  const { stdout } = await promisify(execFile)("lab", [...words, "--json"], { maxBuffer: 2 ** 24 });
  return stdout ? JSON.parse(stdout) : undefined;
}

// A client that knows the nodes of one region.
export async function connect(region) {
  const { nodes } = await lab("status");
  const servers = nodes.filter((node) => node.region === region).map((node) => `127.0.0.1:${node.client_port}`);
  return dial({ servers });
}

// Do something while a fault is in force, such as `during(["partition", "central"], …)`.
export async function during(fault, work) {
  await lab(...fault);
  try {
    return await work();
  } finally {
    await lab("heal", "--wait", "--hasten");
  }
}
