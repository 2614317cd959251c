import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Config } from "../config/config.ts";
import type { HostSpec } from "../hosts/hosts.ts";
import { chosen, chosenAddresses, knownLocations } from "./names.ts";
import { verbsOf } from "./verbs.ts";

const known = ["documents", "photos"];

suite("names on the command line", () => {
  test("mean all when none is given", () => {
    assert.deepEqual(chosen("job", [], known), known);
  });

  test("count once, in the order in which they are given", () => {
    assert.deepEqual(chosen("job", ["photos", "documents", "photos"], known), [
      "photos",
      "documents",
    ]);
  });

  test("that do not exist are an error with the one that was probably meant", () => {
    assert.throws(() => chosen("job", ["documents", "phtos"], known), {
      code: "unknown-name",
      message: 'there is no job "phtos", did you mean "photos"?',
      hint: "there are: documents, photos",
    });
  });

  test("that are like nothing are an error with those that exist", () => {
    assert.throws(() => chosen("notifier", ["pager"], []), {
      message: 'there is no notifier "pager"',
      hint: "there are no notifiers",
    });
  });
});

function at(...locations: readonly string[]): HostSpec {
  return { locations, jumps: [], open: () => assert.fail("nothing is reached") };
}

/** As much of a configuration as locations come from. */
function configured(hosts: Readonly<Record<string, HostSpec>>): Pick<Config, "hosts"> {
  return { hosts: new Map(Object.entries(hosts)) };
}

suite("--location and --exclude-location", () => {
  const config = configured({ nas: at("home", "away"), shed: at("home") });

  test("name locations that addresses of hosts have", () => {
    const choice = chosenAddresses(config, { location: ["home"], excludeLocation: ["away"] });

    assert.deepEqual(choice, { locations: ["home"], excluded: ["away"] });
    assert.deepEqual(knownLocations(config), ["home", "away"]);
  });

  test("leave every address alone when they are not given", () => {
    assert.deepEqual(chosenAddresses(config, {}), { locations: [], excluded: [] });
  });

  test("refuse what no address has, with the one that was probably meant", () => {
    const code = "unknown-name";

    assert.throws(() => chosenAddresses(config, { location: ["hoem"] }), {
      code,
      message: 'there is no location "hoem", did you mean "home"?',
    });
    assert.throws(() => chosenAddresses(configured({}), { excludeLocation: ["home"] }), {
      code,
      hint: "there are no locations",
    });
  });
});

suite("--only", () => {
  test("names verbs in any order, and they are done in theirs", () => {
    assert.deepEqual(verbsOf("forget, backup"), ["backup", "forget"]);
  });

  test("means all verbs when it is not given", () => {
    assert.deepEqual(verbsOf(undefined), ["backup", "copy", "forget", "prune", "check"]);
  });

  test("refuses what is no verb", () => {
    assert.throws(() => verbsOf("bakup"), { message: /did you mean "backup"\?/ });
  });
});
