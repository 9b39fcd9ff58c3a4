// Small things that every part of the page needs of the document.
import type { Column } from "./table.js";

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found as T;
}

/** Writes a text where another one stands. */
export function write(at: HTMLElement, text: string): void {
  if (at.textContent !== text) at.textContent = text;
}

/** A column of texts. */
export function cell<T>(name: string, label: string, text: (row: T) => string, number = false): Column<T> {
  return { name, label, number, show: (at, row) => write(at, text(row)) };
}

/** Says something for a few seconds, to people who see it and to those who hear it. */
export function say(text: string): void {
  const said = element("said");
  said.textContent = text;
  setTimeout(() => {
    if (said.textContent === text) said.textContent = "";
  }, 6_000);
}

export const told = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Shows a dialog and answers the value of the button that closed it; empty where it was dismissed. */
export async function dialog(id: string): Promise<string> {
  const shown = element<HTMLDialogElement>(id);
  if (shown.open) return "";
  shown.returnValue = "";
  shown.showModal();
  await new Promise((done) => shown.addEventListener("close", done, { once: true }));
  return shown.returnValue;
}
