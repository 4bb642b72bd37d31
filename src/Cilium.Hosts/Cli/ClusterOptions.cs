using System.CommandLine;
using Cilium.Kubernetes;

namespace Cilium.Hosts.Cli;

/// <summary>Which cluster is meant, and what is said when it does not answer.</summary>
internal sealed class ClusterOptions
{
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "Path to the kubeconfig file.", Recursive = true };
    private readonly Option<string?> _context = new("--context") { Description = "Kubernetes configuration context.", Recursive = true };
    private readonly Option<string> _namespace = new("--namespace", "-n")
    {
        Description = "Namespace Cilium is running in.",
        Recursive = true,
        DefaultValueFactory = _ => "kube-system",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_kubeconfig);
        command.Options.Add(_context);
        command.Options.Add(_namespace);
    }

    public string Namespace(ParseResult arguments) => Uri.EscapeDataString(arguments.GetValue(_namespace)!);

    public ClusterConnection Open(ParseResult arguments)
    {
        var paths = Kubeconfigs(arguments.GetValue(_kubeconfig), Environment.GetEnvironmentVariable("KUBECONFIG"));
        if (paths.Count == 0)
        {
            var usual = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");
            paths = File.Exists(usual) || !k8s.KubernetesClientConfiguration.IsInCluster() ? [usual] : [];
        }

        if (paths.Count > 0 && !paths.Any(File.Exists))
        {
            throw new IOException($"there is no kubeconfig at {string.Join(", ", paths)}; set KUBECONFIG or use --kubeconfig");
        }

        var options = new KubernetesConnectionOptions { KubeconfigPaths = [.. paths.Where(File.Exists)], Context = arguments.GetValue(_context), UserAgent = "cilium-cli" };
        return new ClusterConnection(KubernetesConnection.Open(options, TimeProvider.System));
    }

    /// <summary>The files that are named: one by the option, or any number by the variable. Empty for the usual place.</summary>
    internal static IReadOnlyList<string> Kubeconfigs(string? option, string? variable) => !string.IsNullOrEmpty(option)
        ? [option]
        : (variable ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Runs the body of a command; what went wrong becomes one line on the error output and exit code 1.</summary>
    public static async Task<int> Run(ParseResult arguments, Func<Task<int>> body)
    {
        try
        {
            return await body();
        }
        catch (HttpRequestException error)
        {
            return Fail(arguments, $"the API server does not answer: {error.GetBaseException().Message}");
        }
        catch (Exception error) when (error is KubernetesException or TimeoutException or IOException or InvalidOperationException or FormatException or UnauthorizedAccessException)
        {
            return Fail(arguments, error.Message);
        }
    }

    private static int Fail(ParseResult arguments, string text)
    {
        arguments.InvocationConfiguration.Error.WriteLine($"Error: {text}");
        return 1;
    }
}
