// Draws the charts of a report. Everything they show is also in the tables.
(() => {
  const report = JSON.parse(document.getElementById('report').textContent);
  const media = (query) => window.matchMedia(query);
  const dark = media('(prefers-color-scheme: dark)');
  // Okabe and Ito's colours: told apart by people who do not see all colours.
  const COLOURS = { bars: '#0b8a8f', line: '#d55e00', negative: '#d55e00', neutral: '#9aa5b1', positive: '#009e73' };
  const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
  const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
  const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
  const number = (value) => (value === null || value === undefined ? null : Number(value));
  const escape = (text) => echarts.format.encodeHTML(String(text));
  const day = (text) => String(text).slice(0, 10);
  const label = (section, name) => section.columns.find((column) => column.name === name).label;
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue('--ink').trim();
  const rule = () => getComputedStyle(document.documentElement).getPropertyValue('--line').trim();

  const axis = (extra) => ({
    axisLabel: { color: ink(), ...extra.axisLabel }, axisLine: { lineStyle: { color: rule() } }, axisTick: { show: false },
    splitLine: { lineStyle: { color: rule() } }, nameTextStyle: { color: ink() }, ...Object.fromEntries(Object.entries(extra).filter(([key]) => key !== 'axisLabel')),
  });
  const values = (name, more) => axis({ type: 'value', name, axisLabel: { formatter: (v) => compact.format(v) }, ...more });
  const legend = () => ({ top: 0, textStyle: { color: ink() }, icon: 'roundRect' });

  const draw = {
    bars(section, { label: names, value }) {
      const rows = [...section.rows].reverse();
      return {
        height: Math.max(160, 60 + rows.length * 24),
        option: {
          grid: { left: 8, right: 56, top: 8, bottom: 8, containLabel: true },
          tooltip: { trigger: 'item', formatter: ({ dataIndex }) => section.columns.filter((c) => rows[dataIndex][c.name] !== null)
            .map((c) => `${escape(c.label)}: <b>${escape(c.kind === 'share' ? percent.format(rows[dataIndex][c.name]) : c.kind === 'text' ? rows[dataIndex][c.name] : exact.format(rows[dataIndex][c.name]))}</b>`).join('<br>') },
          xAxis: values('', { show: false }),
          yAxis: axis({ type: 'category', data: rows.map((row) => row[names] ?? 'unknown'), axisLabel: { width: 220, overflow: 'truncate' } }),
          series: [{ type: 'bar', data: rows.map((row) => number(row[value])), itemStyle: { color: COLOURS.bars, borderRadius: [0, 4, 4, 0] }, barMaxWidth: 18,
            label: { show: true, position: 'right', color: ink(), formatter: ({ value: v }) => compact.format(v) } }],
        },
      };
    },
    time(section, { x, bars, line }) {
      return {
        option: {
          grid: { left: 8, right: 8, top: 56, bottom: 8, containLabel: true }, legend: legend(),
          tooltip: { trigger: 'axis', valueFormatter: (v) => (v === null ? 'unknown' : exact.format(v)) },
          xAxis: axis({ type: 'category', data: section.rows.map((row) => day(row[x])) }),
          yAxis: [values(label(section, bars)), values(label(section, line), { splitLine: { show: false } })],
          series: [
            { type: 'bar', name: label(section, bars), data: section.rows.map((row) => number(row[bars])), itemStyle: { color: COLOURS.bars, borderRadius: [3, 3, 0, 0] } },
            { type: 'line', name: label(section, line), yAxisIndex: 1, data: section.rows.map((row) => number(row[line])), itemStyle: { color: COLOURS.line }, lineStyle: { width: 2.5 }, symbolSize: 5 },
          ],
        },
      };
    },
    shares(section, { x, parts }) {
      return {
        option: {
          grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true }, legend: legend(),
          tooltip: { trigger: 'axis', valueFormatter: (v) => (v === null ? 'unknown' : percent.format(v)) },
          xAxis: axis({ type: 'category', data: section.rows.map((row) => day(row[x])) }),
          yAxis: axis({ type: 'value', max: 1, axisLabel: { formatter: (v) => percent.format(v) } }),
          series: parts.map((part) => ({ type: 'bar', stack: 'all', barCategoryGap: '12%', name: label(section, part),
            data: section.rows.map((row) => number(row[part])), itemStyle: { color: COLOURS[part] } })),
        },
      };
    },
    heat(section, { x, y, value }) {
      const across = Array.from({ length: 24 }, (_, hour) => hour);
      const down = ['Sun', 'Sat', 'Fri', 'Thu', 'Wed', 'Tue', 'Mon'];
      const cells = section.rows.map((row) => [across.indexOf(number(row[x])), down.indexOf(row[y]), number(row[value])]);
      const most = Math.max(1, ...cells.map((cell) => cell[2]));
      return {
        height: 300,
        option: {
          grid: { left: 8, right: 16, top: 8, bottom: 56, containLabel: true },
          tooltip: { formatter: ({ data }) => `${down[data[1]]} ${String(data[0]).padStart(2, '0')}:00 – <b>${exact.format(data[2])}</b> ${escape(label(section, value).toLowerCase())}` },
          xAxis: axis({ type: 'category', data: across.map((hour) => String(hour).padStart(2, '0')), splitLine: { show: false } }),
          yAxis: axis({ type: 'category', data: down, splitLine: { show: false } }),
          visualMap: { min: 0, max: most, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: 160, textStyle: { color: ink() },
            formatter: (v) => compact.format(v), inRange: { color: dark.matches && !media('print').matches ? ['#20303a', '#0b8a8f', '#ffe08a'] : ['#eef4f3', '#5fb3b3', '#063f4a'] } },
          series: [{ type: 'heatmap', data: cells, itemStyle: { borderColor: 'transparent', borderWidth: 1 } }],
        },
      };
    },
  };

  const charts = [];
  const show = () => {
    for (const place of document.querySelectorAll('.chart')) {
      const section = report.sections.find(({ id }) => id === place.dataset.section);
      const { option, height } = draw[section.chart.kind](section, section.chart);
      if (height) place.style.height = `${height}px`;
      const chart = echarts.getInstanceByDom(place) ?? echarts.init(place, null, { renderer: 'svg' });
      if (!charts.includes(chart)) charts.push(chart);
      chart.setOption({ animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily }, aria: { enabled: true }, ...option }, true);
    }
  };
  show();
  dark.addEventListener('change', show);
  window.addEventListener('resize', () => charts.forEach((chart) => chart.resize()));
  // Paper is white, and has room for figures.
  media('print').addEventListener('change', () => { show(); charts.forEach((chart) => chart.resize()); });
  window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((details) => {
    details.open ||= details.querySelectorAll('tbody tr').length <= 40;
  }));
})();
