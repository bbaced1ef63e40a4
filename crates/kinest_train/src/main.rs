//! `kinest-train`. Exit status 0: done, 1: failed, 2: wrong usage.

use clap::{Parser, Subcommand};
use kinest_train::commands::{
    bench, calibrate, convert, describe, edit, evaluate, export, generate, import, inspect,
    library, predict, prepare, render, search, skeleton, synth, train,
};
use std::process::ExitCode;

/// Trains, evaluates and converts KineST models. Results on stdout, logs on stderr.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Convert downloaded clips to one motion store per split.
    Prepare(prepare::PrepareArgs),
    /// Convert motion files: AMASS, BVH, AMC, glTF and VRM animations in, all but AMC out.
    Convert(convert::ConvertArgs),
    /// Extract the rest joints from an SMPL-H model.
    Skeleton(skeleton::SkeletonArgs),
    /// Train a network.
    Train(train::TrainArgs),
    /// Score models on motion they were not trained on.
    Evaluate(evaluate::EvaluateArgs),
    /// Estimate the body of a clip from its head and hands.
    Predict(predict::PredictArgs),
    /// Draw motions: a contact sheet, an animation, or a folder of pictures.
    Render(render::RenderArgs),
    /// Convert weights of the reference implementation.
    Import(import::ImportArgs),
    /// Make what a model says about its errors true on other people.
    Calibrate(calibrate::CalibrateArgs),
    /// Write a checkpoint for release: 16-bit, with its figures.
    Export(export::ExportArgs),
    /// Measure how long a model takes on this machine.
    Bench(bench::BenchArgs),
    /// Describe a motion file or a model.
    Inspect(inspect::InspectArgs),
    /// Describe what a body does, in words.
    Describe(describe::DescribeArgs),
    /// Describe a folder of motion for search.
    Library(library::LibraryArgs),
    /// Find motion by words.
    Search(search::SearchArgs),
    /// Make motion from words.
    Generate(generate::GenerateArgs),
    /// Change what a limb does in a motion, by words or by places.
    Edit(edit::EditArgs),
    /// Make synthetic motion, where no motion capture is at hand.
    Synth(synth::SynthArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Prepare(args) => prepare::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Skeleton(args) => skeleton::run(args),
        Command::Train(args) => train::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Render(args) => render::run(args),
        Command::Import(args) => import::run(args),
        Command::Calibrate(args) => calibrate::run(args),
        Command::Export(args) => export::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Describe(args) => describe::run(args),
        Command::Library(args) => library::run(args),
        Command::Search(args) => search::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Edit(args) => edit::run(args),
        Command::Synth(args) => synth::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Wrong usage that only shows when arguments are combined.
        Err(error) if error.is::<clap::Error>() => {
            eprint!("{error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
