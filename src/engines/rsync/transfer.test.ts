import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { routeBetween, shellWords, transferCommand } from "./transfer.ts";

const through = (command: Command): Command => command;

function remote(name: string): Host {
  const shell = ["ssh", "-o", "ControlPath=/run/it's here/%C"] as const;
  return { ...localHost({ name }), remote: { shell, destination: `me@${name}`, through } };
}

const here = localHost();
const nas = remote("nas");
const common = { options: ["-a"], sources: ["/s/"], target: "/d/", effect: "writes" } as const;

test("runs here when both ends are here, and there when both are there", () => {
  const both = routeBetween({ from: nas, to: remote("nas"), here });

  assert.equal(both.runner.name, "nas");
  assert.equal(both.far, undefined);
  assert.deepEqual(transferCommand({ ...common, route: both }).argv.slice(-3), [
    "--",
    "/s/",
    "/d/",
  ]);
  assert.equal(routeBetween({ from: here, to: localHost(), here }).far, undefined);
});

test("sends and fetches over the host's own ssh", () => {
  const send = transferCommand({ ...common, route: routeBetween({ from: here, to: nas, here }) });
  const fetch = transferCommand({ ...common, route: routeBetween({ from: nas, to: here, here }) });

  assert.deepEqual(send.argv.slice(-3), ["--", "/s/", "me@nas:/d/"]);
  assert.deepEqual(fetch.argv.slice(-3), ["--", "me@nas:/s/", "/d/"]);
  assert.equal(send.argv[send.argv.indexOf("-e") + 1], "ssh -o 'ControlPath=/run/it''s here/%C'");
  assert.ok(send.argv.includes("-s"));
});

test("says that it cannot go between two other machines", () => {
  assert.throws(
    () => routeBetween({ from: remote("pi"), to: nas, here }),
    (error: unknown) => error instanceof HoldfastError && error.code === "repository-unsupported",
  );
});

test("quotes words as rsync splits them", () => {
  assert.equal(shellWords(["ssh", "-F", "/a b/c", "it's", ""]), "ssh -F '/a b/c' 'it''s' ''");
});

test("takes no path of another machine for a pattern", () => {
  const route = routeBetween({ from: nas, to: here, here });

  const { argv } = transferCommand({ ...common, route, sources: ["/a*b\\c/", "/d\\e/"] });

  assert.deepEqual(argv.slice(-3, -1), [String.raw`me@nas:/a\*b\\c/`, String.raw`me@nas:/d\e/`]);
});
