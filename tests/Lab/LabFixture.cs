using System.Diagnostics;
using System.Text.Json;
using Cilium.Lab;
using Xunit.Sdk;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Cilium.LabTests;

/// <summary>A lab for the tests of one class, up before the first of them and down after the last.</summary>
public abstract class LabFixture : IAsyncLifetime
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(150);

    protected LabFixture(string name, string? values, int nodes = 3, bool installsCilium = true)
    {
        Root = FindRoot();
        Lab = new LabCluster(
            new LabOptions
            {
                Name = "t-" + name,
                Nodes = nodes,
                ValueFiles = values is null ? [] : [Path.Combine(Root, "examples", "walks", "values", values)],
                Root = Path.Combine(Root, ".lab"),
                Binaries = Path.Combine(Root, "artifacts", "bin"),
                InstallsCilium = installsCilium,
            },
            TimeProvider.System);
    }

    /// <summary>The repository's folder.</summary>
    public string Root { get; }

    public LabCluster Lab { get; }

    public string Walk(string manifest) => Path.Combine(Root, "examples", "walks", manifest);

    public string Binary(string name) => Path.Combine(Root, "artifacts", "bin", name);

    public async ValueTask InitializeAsync()
    {
        await Lab.DownAsync(CancellationToken.None);
        using var givingUp = new CancellationTokenSource();
        var coming = Lab.UpAsync(Binary("cilium-lab"), givingUp.Token);
        var feeding = WhileStartingAsync();
        if (await Task.WhenAny(coming, feeding) == feeding && !feeding.IsCompletedSuccessfully)
        {
            // The nodes will never be ready; what kept them from it is to be told, not that.
            await givingUp.CancelAsync();
            await coming.ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        await feeding;
        try
        {
            await coming;
        }
        catch (InvalidOperationException exception)
        {
            // The folder goes with the lab.
            throw new InvalidOperationException($"{exception.Message}\n{LogEnds()}", exception);
        }
    }

    private string LogEnds() => string.Join('\n', Directory.EnumerateFiles(Path.GetDirectoryName(Lab.KubeconfigFile)!, "*.log", SearchOption.AllDirectories)
        .Select(file => $"== {file}\n{string.Join('\n', File.ReadLines(file).TakeLast(20))}"));

    /// <summary>What nodes need from outside before they are ready.</summary>
    protected virtual Task WhileStartingAsync() => Task.CompletedTask;

    /// <summary>Ends what the test itself gave to the nodes.</summary>
    protected virtual Task AfterStoppingAsync() => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Lab.DownAsync(CancellationToken.None);
        await AfterStoppingAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs kubectl, which must succeed, and returns what it prints.</summary>
    public async Task<string> KubectlAsync(params string[] arguments)
    {
        var (code, output, error) = await Lab.KubectlAsync(arguments, CancellationToken.None);
        Assert.True(code == 0, $"kubectl {string.Join(' ', arguments)}: exit {code}\n{output}{error}");
        return output;
    }

    public async Task ApplyAsync(params string[] manifests) =>
        await KubectlAsync(["apply", .. manifests.SelectMany(file => (string[])["-f", Walk(file)])]);

    public async Task DeleteAsync(params string[] manifests) =>
        await KubectlAsync(["delete", "--ignore-not-found", "--wait", .. manifests.SelectMany(file => (string[])["-f", Walk(file)])]);

    public Task<string> PodsReadyAsync(params string[] selection) =>
        KubectlAsync(["wait", "--for=condition=Ready", "pod", "--timeout=90s", .. selection.Length > 0 ? selection : ["--all"]]);

    /// <summary>Runs a command in a pod; the exit code is the command's.</summary>
    public Task<(int ExitCode, string Output, string Error)> ExecAsync(string pod, params string[] command) =>
        Lab.KubectlAsync(["exec", pod, "--", .. command], CancellationToken.None);

    /// <summary>The HTTP status a pod gets from a URL, or "exit N" with curl's code.</summary>
    public async Task<string> CurlAsync(string pod, string url, params string[] options)
    {
        var (code, output, _) = await ExecAsync(pod, ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "3", .. options, url]);
        return code == 0 ? output : $"exit {code}";
    }

    /// <summary>Asks a URL from a pod until it is answered.</summary>
    public Task ReachesAsync(string pod, string url, params string[] options) => EventuallyAsync(() => CurlAsync(pod, url, options), status => status == "200");

    /// <summary>Sends an echo request from a pod until it is answered.</summary>
    public Task PingsAsync(string pod, params string[] arguments) =>
        EventuallyAsync(() => ExecAsync(pod, ["ping", "-c", "1", "-W", "10", .. arguments]), ping => ping.ExitCode == 0);

    /// <summary>Asks until that many answers in a row are 200.</summary>
    public static Task AllAnsweredAsync(int requests, Func<Task<string>> ask) => EventuallyAsync(
        async () =>
        {
            for (var request = 0; request < requests; request++)
            {
                if (await ask() is var status and not "200") return $"{status} to request {request}";
            }

            return "200";
        },
        status => status == "200", 60);

    /// <summary>Runs a tool inside the agent of a node, as a user would.</summary>
    public async Task<string> AgentAsync(string node, params string[] command)
    {
        return await KubectlAsync(["-n", "kube-system", "exec", await AgentPodAsync(node), "-c", "cilium-agent", "--", .. command]);
    }

    /// <summary>
    /// Which nodes answer a node at all their addresses, and which health endpoints, by probes that are made now; none while the agent does not probe,
    /// as for a second after it is ready, or when it goes meanwhile.
    /// </summary>
    public async Task<List<(bool Host, bool Endpoint)>> ProbeAsync(string node)
    {
        var (code, answer, _) = await Lab.KubectlAsync(
            [
                "-n", "kube-system", "exec", await AgentPodAsync(node), "-c", "cilium-agent", "--",
                "sh", "-c", "curl --silent --fail --unix-socket $(dirname $CILIUM_SOCK)/health.sock --request PUT http://localhost/v1beta/status/probe",
            ],
            CancellationToken.None);
        if (code != 0) return [];
        using var report = JsonDocument.Parse(answer);
        return [.. report.RootElement.GetProperty("nodes").EnumerateArray().Select(found => (
            IsOk(found.GetProperty("host")), found.TryGetProperty("health-endpoint", out var endpoint) && IsOk(endpoint)))];

        static bool IsOk(JsonElement paths) => paths.GetProperty("primary-address") is var first
            && (paths.TryGetProperty("secondary-addresses", out var others) ? others.EnumerateArray().Prepend(first) : [first]).All(
                path => path.GetProperty("icmp").GetProperty("status").GetString() is "" && path.GetProperty("http").GetProperty("status").GetString() is "");
    }

    /// <summary>Waits until every node reaches every node and every health endpoint, in each family.</summary>
    public async Task NodesReachEachOtherAsync()
    {
        foreach (var node in Lab.NodeNames)
        {
            await EventuallyAsync(() => ProbeAsync(node), found => found.Count == Lab.NodeNames.Count && found.TrueForAll(one => one is { Host: true, Endpoint: true }), 60);
        }
    }

    /// <summary>Runs the cilium CLI on the machine, as an administrator would.</summary>
    public Task<string> CiliumAsync(params string[] command) => RunAsync([Binary("cilium"), "--kubeconfig", Lab.KubeconfigFile, .. command]);

    private Task<string> AgentPodAsync(string node) => KubectlAsync(
        "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "--field-selector", $"spec.nodeName={node}", "-o", "jsonpath={.items[0].metadata.name}");

    /// <summary>Runs the cilium CLI and returns its exit code and all that it prints.</summary>
    public async Task<(int ExitCode, string Output)> CiliumExitAsync(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(Binary("cilium"), ["--kubeconfig", Lab.KubeconfigFile, .. command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        return (process.ExitCode, output + await error);
    }

    public Task<string> ReadAsync(string resource, string jsonPath) =>
        KubectlAsync(["get", .. resource.Split(' '), "-o", $"jsonpath={jsonPath}"]);

    /// <summary>Asks until the answer is as wanted; fails with the last answer, or with why there was none, after the limit.</summary>
    public static async Task<T> EventuallyAsync<T>(Func<Task<T>> ask, Func<T, bool> wanted, int limitSeconds = 30)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            string last;
            try
            {
                var answer = await ask();
                if (wanted(answer)) return answer;
                last = $"{answer}";
            }
            catch (XunitException failure)
            {
                // A command may fail while what it asks comes or goes.
                last = failure.Message;
            }

            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(limitSeconds), $"still, after {limitSeconds} s: {last}");
            await Task.Delay(Poll, CancellationToken.None);
        }
    }

    /// <summary>Runs a program on the machine and returns what it prints.</summary>
    public static async Task<string> RunAsync(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)}: exit {process.ExitCode}\n{output}{await error}");
        return output;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cilium.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("not inside the repository");
        return folder;
    }
}
