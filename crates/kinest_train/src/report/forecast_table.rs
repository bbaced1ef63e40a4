//! Scores of forecasters as Markdown, which terminals show too, and as CSV.

use super::forecast::ForecastReport;
use super::table::Table;
use anyhow::Context;
use std::fmt::{self, Display};

impl Display for ForecastReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["forecaster", "action", "windows"]);
        let horizons = &self.forecast.scores.horizons_ms;
        table.header.extend(horizons.iter().map(|label| format!("{label} ms")));
        for (name, scores) in self.all() {
            for row in &scores.rows {
                let action = match self.untrained.contains(&row.name) {
                    true => format!("{} (not in the mean)", row.name),
                    false => row.name.clone(),
                };
                let mut cells = vec![name.to_owned(), action, row.windows.to_string()];
                cells.extend(row.mm.iter().map(|mm| format!("{mm:.2}")));
                table.rows.push(cells);
            }
        }
        write!(f, "{table}")?;
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}\n"))
    }
}

impl ForecastReport {
    /// One row per forecaster or baseline and action.
    ///
    /// # Errors
    /// Never in practice, since it is written to memory.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        let names = ["forecaster", "action", "in_mean", "windows"].map(String::from);
        let horizons = self.forecast.scores.horizons_ms.iter().map(|ms| format!("mm_{ms}_ms"));
        csv.write_record(names.into_iter().chain(horizons))?;
        for (name, scores) in self.all() {
            for row in &scores.rows {
                let counts = row.name != "mean" && !self.untrained.contains(&row.name);
                let names = [name, &row.name, &counts.to_string(), &row.windows.to_string()];
                let names = names.map(String::from).into_iter();
                csv.write_record(names.chain(row.mm.iter().map(f64::to_string)))?;
            }
        }
        csv.into_inner().context("cannot write CSV")
    }
}
