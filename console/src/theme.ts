/** Light or dark: as the system says, or as chosen here. */
import { effect, signal } from "@preact/signals";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const PLACE = "context-manager.theme";

export const theme = signal<Theme>(stored());

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem(PLACE, theme.value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
});

function stored(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(PLACE)) ?? "auto";
  } catch {
    return "auto";
  }
}
