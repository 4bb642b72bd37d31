using System.CommandLine;
using Cilium.Simulation.Explaining;
using Cilium.Simulation.Manifests;

namespace Cilium.Hosts.Cli.Policies;

/// <summary><c>cilium policy explain</c>: what policies do with a packet, offline, from manifests.</summary>
internal static class ExplainCommand
{
    private const int BadInput = 2;

    public static Command Create()
    {
        var options = new ExplainOptions();
        var command = new Command("explain", "Run a packet through the datapath of a cluster made of manifests, and tell what decided about it. Needs no cluster and no privilege.");
        options.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            try
            {
                return await RunAsync(options, arguments, cancellationToken);
            }
            catch (Exception wrong) when (wrong is ManifestException or QuestionException or IOException or UnauthorizedAccessException)
            {
                arguments.InvocationConfiguration.Error.WriteLine($"Error: {wrong.Message}");
                return BadInput;
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(ExplainOptions options, ParseResult arguments, CancellationToken cancellationToken)
    {
        // 1. Everything that may be wrong with the input, before anything is computed.
        var isJson = options.IsJson(arguments);
        var simulation = options.Simulation(arguments);
        var reader = new ManifestReader(simulation.LabelFilter, simulation.Nodes);
        ManifestFiles.ReadInto(reader, options.Files(arguments));
        var expected = options.Expected(arguments) is { } file ? Expectation.Read(file, File.ReadAllText(file)) : null;
        var question = expected is null && !options.IsMatrix(arguments) ? options.Question(arguments) : null;
        var issues = new ExplainIssues(reader);

        // 2. The answers.
        await using var explainer = await PathExplainer.StartAsync(reader.Objects, reader.Workloads, simulation, cancellationToken);
        var output = new ExplainOutput(arguments.InvocationConfiguration.Output, arguments.InvocationConfiguration.Error, isJson);
        if (expected is not null)
        {
            return output.Check(explainer, expected, issues);
        }

        if (question is null)
        {
            output.Matrix(ReachabilityMatrix.Of(explainer, options.Port(arguments), options.Protocol(arguments)), issues);
        }
        else
        {
            output.Walk(explainer.Explain(question), issues);
        }

        return 0;
    }
}
