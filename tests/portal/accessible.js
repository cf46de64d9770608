// What of a page falls short of WCAG 2.2 AA, as far as a script can tell.
() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const seen = (element) => element.checkVisibility() && !element.closest(".unseen");

  function rgba(colour) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }

  const over = (top, below) => below.map((value, at) => value * (1 - top[3]) + top[at] * top[3]);

  function ground(element) {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      layers.unshift(rgba(getComputedStyle(one).backgroundColor));
    }
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  }

  // Relative luminance and contrast: WCAG 2.2, definitions.
  function luminance(colour) {
    const [red, green, blue] = colour.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(element) {
    const style = getComputedStyle(element);
    const below = ground(element);
    const text = over(rgba(element.namespaceURI.endsWith("svg") ? style.fill : style.color), below);
    const [dark, light] = [luminance(text), luminance(below)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  const faults = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (!text || !seen(element)) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const found = contrast(element);
    if (found < (large ? 3 : 4.5)) faults.push(`contrast ${found.toFixed(2)}: ${text.slice(0, 40)}`);
  }

  const levels = [...document.querySelectorAll("h1, h2, h3, h4")]
    .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]));
  levels.forEach((level, at) => {
    if (at && level > levels[at - 1] + 1) faults.push(`a heading h${level} after h${levels[at - 1]}`);
  });

  for (const target of document.querySelectorAll("a, button, select, summary")) {
    if (!seen(target) || target.closest("p, dd, td, th, li, .facts")) continue;
    const { width, height } = target.getBoundingClientRect();
    if (Math.min(width, height) < 23.5) faults.push(`small: ${target.outerHTML.slice(0, 60)}`);
  }
  return faults;
}
