// Knows: how the keyrings of operating systems are asked. Must not know: who wants to know.

/** How one keyring is asked for a secret, and how an entry gets into it. */
export interface KeyringQuestion {
  readonly argv: readonly [string, ...string[]];
  /** What is missing when the program does not exist. */
  readonly install: string;
  /** The command by which a person creates the entry. */
  readonly store: string;
}

/**
 * The question for the entry of a name: attributes `service holdfast`, `name NAME` of the Secret
 * Service (libsecret's secret-tool), service `holdfast`, account NAME in the keychain of macOS.
 * Undefined where there is no keyring that a command could ask.
 */
export function keyringQuestion(
  name: string,
  platform: NodeJS.Platform,
): KeyringQuestion | undefined {
  if (platform === "win32") return undefined;
  if (platform === "darwin") {
    return {
      argv: ["security", "find-generic-password", "-s", "holdfast", "-a", name, "-w"],
      install: "security is part of macOS: look at PATH",
      store: `security add-generic-password -s holdfast -a ${name} -w`,
    };
  }
  return {
    argv: ["secret-tool", "lookup", "service", "holdfast", "name", name],
    install: "install it with: apt install libsecret-tools",
    store: `secret-tool store --label="Holdfast ${name}" service holdfast name ${name}`,
  };
}
