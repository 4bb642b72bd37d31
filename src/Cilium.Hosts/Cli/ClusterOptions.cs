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
        var given = arguments.GetValue(_kubeconfig);
        var path = string.IsNullOrEmpty(given) ? Environment.GetEnvironmentVariable("KUBECONFIG")?.Split(Path.PathSeparator)[0] : given;
        if (string.IsNullOrEmpty(path))
        {
            path = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");
            if (!File.Exists(path) && k8s.KubernetesClientConfiguration.IsInCluster())
            {
                path = null;
            }
        }

        if (path is not null && !File.Exists(path))
        {
            throw new IOException($"there is no kubeconfig at {path}; set KUBECONFIG or use --kubeconfig");
        }

        var options = new KubernetesConnectionOptions { KubeconfigPath = path, Context = arguments.GetValue(_context), UserAgent = "cilium-cli" };
        return new ClusterConnection(KubernetesConnection.Open(options, TimeProvider.System));
    }

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
