using System.Diagnostics;
using System.Text;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>What a finished command left.</summary>
internal sealed record ShellResult(int ExitCode, string Output, string Error)
{
    public bool Succeeded => ExitCode == 0;

    /// <summary>One line that says why a command failed.</summary>
    public string Reason => Error.Trim() is { Length: > 0 } error ? error : Output.Trim() is { Length: > 0 } output ? output : $"exit status {ExitCode}";
}

/// <summary>Runs the machine's own commands.</summary>
internal static class Shell
{
    /// <summary>Runs a command to its end, in a network namespace when one is named by its file.</summary>
    public static async Task<ShellResult> RunAsync(
        IReadOnlyList<string> command, CancellationToken cancel, string? input = null, IReadOnlyDictionary<string, string>? environment = null,
        string? networkNamespace = null)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Start(start, networkNamespace);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var error = process.StandardError.ReadToEndAsync(cancel);
            try
            {
                if (input is not null) await process.StandardInput.WriteAsync(input.AsMemory(), cancel);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // The command ended without reading its input; its exit code tells why.
                process.StandardInput.Dispose();
            }

            await process.WaitForExitAsync(cancel);
            return new ShellResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Starts a process in a network namespace: a child inherits that of the thread that made it, so no command has to enter it first.</summary>
    /// <param name="start">What to start.</param>
    /// <param name="networkNamespace">The namespace's file; null for that of the caller.</param>
    /// <param name="enterOthers">Enters further namespaces, on a thread that ends afterwards; only with a network namespace.</param>
    /// <exception cref="InvalidOperationException">It did not start.</exception>
    public static Process Start(ProcessStartInfo start, string? networkNamespace, Action? enterOthers = null)
    {
        if (networkNamespace is null) return Started(start);
        using var network = NetworkNamespace.Open(networkNamespace);
        return network.Run(() =>
        {
            enterOthers?.Invoke();
            return Started(start);
        });
    }

    private static Process Started(ProcessStartInfo start) =>
        Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start");

    /// <summary>Runs a command that must succeed.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message is its own.</exception>
    public static async Task<string> RequireAsync(IReadOnlyList<string> command, CancellationToken cancel)
    {
        var result = await RunAsync(command, cancel);
        return result.Succeeded ? result.Output : throw new InvalidOperationException($"{string.Join(' ', command)}: {result.Reason}");
    }

    /// <summary>A word quoted for <c>sh</c>.</summary>
    public static string Quote(string word) =>
        new StringBuilder().Append('\'').Append(word.Replace("'", "'\\''", StringComparison.Ordinal)).Append('\'').ToString();
}
