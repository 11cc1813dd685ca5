// Puts the address by which this page was reached where an example stood for it.

for (const each of document.querySelectorAll(".origin")) {
  each.textContent = new URL(".", location.href).href.replace(/\/$/, "");
}
