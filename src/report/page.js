"use strict";
/* The page stands without this. It adds: zoom (drag, keys), reading attempts one by one, evidence that lights the
 * lanes it speaks of, copying. All it knows comes from the JSON beside it. */
(() => {
	const data = JSON.parse(document.getElementById("case").textContent);
	const LEFT = data.left, RIGHT = data.right;

	const drawing = (finding, number) => {
		const svg = document.getElementById("timeline-" + number);
		const article = svg.closest("article");
		const readout = article.querySelector(".readout");
		const tools = article.querySelector(".tools");
		const ticks = [...svg.querySelectorAll(".tick")];
		const arcs = [...svg.querySelectorAll(".arc")];
		const lanes = [...svg.querySelectorAll(".lane")];
		const fixed = [...svg.querySelectorAll("[data-x]")];
		const home = [LEFT, RIGHT];
		let view = home, here = -1;

		const place = (x) => LEFT + (x - view[0]) / (view[1] - view[0]) * (RIGHT - LEFT);
		const within = (x) => x >= view[0] - 0.5 && x <= view[1] + 0.5;
		const ordinate = (tick) => tick.transform.baseVal.getItem(0).matrix.f;

		const draw = () => {
			ticks.forEach((tick, i) => {
				const x = finding.ticks[i].x;
				tick.setAttribute("transform", `translate(${place(x)} ${ordinate(tick)})`);
				tick.classList.toggle("out", !within(x));
			});
			arcs.forEach((arc) => {
				const x1 = +arc.dataset.from, x2 = +arc.dataset.to, y1 = +arc.dataset.y1, y2 = +arc.dataset.y2;
				const a = place(x1), b = place(x2);
				arc.setAttribute("d", `M${a} ${y1}C${a} ${(y1 + y2) / 2} ${b - 14} ${y2} ${b - 5} ${y2}`);
				arc.classList.toggle("out", !within(x1) || !within(x2));
			});
			fixed.forEach((it) => {
				const x = +it.dataset.x, at = place(x);
				it.classList.toggle("out", !within(x));
				if (it.tagName === "line") {
					it.setAttribute("x1", at);
					it.setAttribute("x2", at);
				} else {
					it.setAttribute("transform", `translate(${at} 0)`);
				}
			});
		};
		const zoom = (from, to) => {
			const width = Math.max(to - from, (RIGHT - LEFT) / 200);
			const first = Math.min(Math.max(from, LEFT), RIGHT - width);
			view = width >= RIGHT - LEFT ? home : [first, first + width];
			draw();
		};
		const scale = (factor) => {
			const middle = here < 0 ? (view[0] + view[1]) / 2 : finding.ticks[here].x;
			const half = (view[1] - view[0]) / 2 * factor;
			zoom(middle - half, middle + half);
		};
		const read = (i) => {
			if (here >= 0)
				ticks[here].classList.remove("here");
			here = i;
			if (i < 0) {
				readout.textContent = "";
				return;
			}
			ticks[i].classList.add("here");
			const x = finding.ticks[i].x, width = view[1] - view[0];
			if (!within(x))
				zoom(x - width / 2, x + width / 2);
			readout.textContent = ticks[i].querySelector("title").textContent;
		};
		const keys = {
			ArrowRight: () => read(Math.min(here + 1, ticks.length - 1)),
			ArrowLeft: () => read(Math.max(here - 1, 0)),
			Home: () => read(0),
			End: () => read(ticks.length - 1),
			"+": () => scale(0.5),
			"=": () => scale(0.5),
			"-": () => scale(2),
			Escape: () => { read(-1); zoom(LEFT, RIGHT); },
		};
		svg.addEventListener("keydown", (event) => {
			if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey)
				return;
			event.preventDefault();
			keys[event.key]();
		});
		ticks.forEach((tick, i) => tick.addEventListener("pointerenter", () => read(i)));

		const toDrawing = (event) => {
			const box = svg.getBoundingClientRect();
			const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
			return Math.min(Math.max(x, LEFT), RIGHT);
		};
		let start = null, brush = null;
		svg.addEventListener("pointerdown", (event) => {
			if (event.button !== 0 || event.pointerType === "touch")
				return;
			start = toDrawing(event);
			brush = document.createElementNS(svg.namespaceURI, "rect");
			brush.setAttribute("class", "brush");
			brush.setAttribute("height", svg.viewBox.baseVal.height);
			svg.append(brush);
			svg.setPointerCapture(event.pointerId);
		});
		svg.addEventListener("pointermove", (event) => {
			if (start === null)
				return;
			const x = toDrawing(event);
			brush.setAttribute("x", Math.min(x, start));
			brush.setAttribute("width", Math.abs(x - start));
		});
		svg.addEventListener("pointerup", (event) => {
			if (start === null)
				return;
			const x = toDrawing(event), from = Math.min(x, start), to = Math.max(x, start);
			const back = (at) => view[0] + (at - LEFT) / (RIGHT - LEFT) * (view[1] - view[0]);
			brush.remove();
			start = null;
			if (to - from > 6)
				zoom(back(from), back(to));
		});
		svg.addEventListener("dblclick", () => zoom(LEFT, RIGHT));

		const button = (label, name, act) => {
			const it = document.createElement("button");
			it.type = "button";
			it.textContent = label;
			it.setAttribute("aria-label", name);
			it.addEventListener("click", act);
			tools.append(it);
		};
		button("−", "zoom out", () => scale(2));
		button("+", "zoom in", () => scale(0.5));
		button("whole", "show the whole time", () => zoom(LEFT, RIGHT));

		/* A sentence lights the lanes whose endpoint it names. */
		article.querySelectorAll(".why li").forEach((item) => {
			const named = finding.channels.map((channel, i) => [channel.endpoint, i])
				.filter(([endpoint]) => item.textContent.includes(endpoint)).map(([, i]) => i);
			if (named.length === 0)
				return;
			const light = (on) => {
				svg.classList.toggle("dim", on);
				ticks.forEach((tick, i) => tick.classList.toggle("lit", on && named.includes(finding.ticks[i].channel)));
				arcs.forEach((arc, i) => arc.classList.toggle("lit", on &&
					named.includes(finding.switches[i].from) && named.includes(finding.switches[i].to)));
				lanes.forEach((lane, i) => lane.classList.toggle("lit", on && named.some((channel) => finding.lanes[channel] === i)));
			};
			item.tabIndex = 0;
			item.addEventListener("pointerenter", () => light(true));
			item.addEventListener("pointerleave", () => light(false));
			item.addEventListener("focus", () => light(true));
			item.addEventListener("blur", () => light(false));
		});

		const filter = article.querySelector(".look code");
		const copy = document.createElement("button");
		copy.type = "button";
		copy.textContent = "Copy";
		copy.addEventListener("click", async () => {
			const range = document.createRange();
			range.selectNodeContents(filter);
			getSelection().removeAllRanges();
			getSelection().addRange(range);
			try {
				await navigator.clipboard.writeText(filter.textContent);
				copy.textContent = "Copied";
			} catch {
				copy.textContent = document.execCommand("copy") ? "Copied" : "Selected";
			}
			setTimeout(() => { copy.textContent = "Copy"; }, 2000);
		});
		filter.after(copy);
	};
	data.findings.forEach((finding, i) => drawing(finding, i + 1));
})();
