using System.CommandLine;

namespace Cilium.Hubble.Tests;

/// <summary>Runs a command line in this process.</summary>
internal static class CommandRun
{
    public static async Task<(int Code, string Output, string Error)> RunAsync(RootCommand command, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await command.Parse(arguments).InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>What went wrong was told in one line, and nothing else was.</summary>
    public static void FailedInOneLine((int Code, string Output, string Error) run, string told)
    {
        Assert.Equal((1, ""), (run.Code, run.Output));
        Assert.Contains(told, Assert.Single(run.Error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }
}
