using System.Runtime.CompilerServices;

namespace Cilium.Lab.Demonstration;

/// <summary>
/// Shows on a running lab of three nodes: (1) a server and two clients on different nodes, (2) reachability by pod address, service
/// address and name, (3) a policy that lets one client pass and drops the other, (4) the flows that tell of it.
/// </summary>
public sealed class Demonstration
{
    private const string Server = "web";
    private const string Friend = "friend";
    private const string Stranger = "stranger";
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SettlePoll = TimeSpan.FromMilliseconds(200);
    private readonly LabCluster lab;
    private readonly string binaries;
    private readonly TimeProvider clock;

    /// <summary>Prepares to show; the lab must be up.</summary>
    public Demonstration(LabCluster lab, string binaries, TimeProvider clock)
    {
        this.lab = lab;
        this.binaries = binaries;
        this.clock = clock;
    }

    /// <summary>Runs all steps; each check comes as soon as it is known.</summary>
    /// <param name="say">Receives what is shown on the way.</param>
    /// <param name="cancel">Stops between commands.</param>
    /// <exception cref="InvalidOperationException">A command failed that no check is about.</exception>
    public async IAsyncEnumerable<DemoCheck> RunAsync(Action<string> say, [EnumeratorCancellation] CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(say);
        // 1. Pods
        var nodes = lab.NodeNames;
        await RequireAsync(["apply", "-f", "-"], cancel, DemoManifests.Workloads(Server, nodes[2 % nodes.Count], Friend, nodes[1 % nodes.Count], Stranger, nodes[0]));
        await RequireAsync(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"], cancel);
        say(await RequireAsync(["get", "pods,services", "-o", "wide"], cancel));
        var address = await RequireAsync(["get", "pod", Server, "-o", "jsonpath={.status.podIP}"], cancel);
        var cluster = await RequireAsync(["get", "service", Server, "-o", "jsonpath={.spec.clusterIP}"], cancel);
        var placed = (await RequireAsync(["get", "pods", Server, Friend, Stranger, "-o", "jsonpath={.items[*].spec.nodeName}"], cancel)).Split(' ');
        yield return new DemoCheck("server and clients run on different nodes", placed.Distinct().Count() == 3, string.Join(", ", placed));

        // 2. Reachability
        foreach (var client in (string[])[Friend, Stranger])
        {
            yield return await ReachesAsync(client, $"http://{Host(address)}/", "the pod's address", cancel);
            yield return await ReachesAsync(client, $"http://{Host(cluster)}/", "the service's address", cancel);
            yield return await ReachesAsync(client, $"http://{Server}/", "the service's name", cancel);
        }

        // 3. Policy
        await RequireAsync(["apply", "-f", "-"], cancel, DemoManifests.Policy(Server, Friend));
        say(await RequireAsync(["get", "ciliumnetworkpolicies"], cancel));
        yield return await EnforcedAsync(Stranger, $"http://{Host(cluster)}/", cancel);
        yield return await ReachesAsync(Friend, $"http://{Host(cluster)}/", "the service's address, with the policy", cancel);

        // 4. Flows
        foreach (var (client, verdict) in (IEnumerable<(string, string)>)[(Friend, "FORWARDED"), (Stranger, "DROPPED")])
        {
            var flows = await SettledFlowsAsync(nodes[2 % nodes.Count], client, verdict, cancel);
            say($"hubble observe --from-pod default/{client} --to-pod default/{Server} --verdict {verdict} --print-policy-names\n{flows}");
            yield return new DemoCheck($"hubble shows the {verdict} flow of {client}", flows.Contains(verdict, StringComparison.Ordinal), flows.Split('\n')[0]);
        }
    }

    private async Task<DemoCheck> ReachesAsync(string client, string url, string what, CancellationToken cancel)
    {
        var name = $"{client} reaches {what}";
        (int Code, string Output, string Error) last = default;
        var began = clock.GetTimestamp();
        do
        {
            last = await lab.KubectlAsync(["exec", client, "--", "curl", "--silent", "--show-error", "--max-time", "3", url], cancel);
            if (last.Output.Contains("Welcome to nginx!", StringComparison.Ordinal)) return new DemoCheck(name, true, $"{url}: Welcome to nginx!");
            await Task.Delay(SettlePoll, clock, cancel);
        }
        while (clock.GetElapsedTime(began) < TimeSpan.FromSeconds(10));
        return new DemoCheck(name, false, $"{url}: {last.Error.Trim()}");
    }

    /// <summary>The policy takes a moment to arrive at every node; then the connection times out: curl's code 28.</summary>
    private async Task<DemoCheck> EnforcedAsync(string client, string url, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            var result = await lab.KubectlAsync(["exec", client, "--", "curl", "--silent", "--show-error", "--max-time", "2", url], cancel);
            if (result.ExitCode == 28) return new DemoCheck($"{client} is dropped by the policy", true, "curl: timeout (28)");
            if (clock.GetElapsedTime(began) > SettleLimit) return new DemoCheck($"{client} is dropped by the policy", false, $"curl exit {result.ExitCode}: {result.Error.Trim()}");
            await Task.Delay(SettlePoll, clock, cancel);
        }
    }

    /// <summary>Events reach Hubble a moment after the packets.</summary>
    private async Task<string> SettledFlowsAsync(string node, string client, string verdict, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            var flows = await FlowsAsync(node, client, verdict, cancel);
            if (flows.Contains(verdict, StringComparison.Ordinal) || clock.GetElapsedTime(began) > TimeSpan.FromSeconds(10)) return flows;
            await Task.Delay(SettlePoll, clock, cancel);
        }
    }

    private async Task<string> FlowsAsync(string node, string client, string verdict, CancellationToken cancel)
    {
        var socket = Path.Combine(lab.FolderOfNode(node), "run", "hubble.sock");
        string[] command =
        [
            Path.GetFullPath(Path.Combine(binaries, "hubble")), "observe", "--server", $"unix://{socket}", "--last", "5",
            "--from-pod", $"default/{client}", "--to-pod", $"default/{Server}", "--verdict", verdict, "--print-policy-names",
        ];
        var result = await Nodes.Shell.RunAsync(command, cancel);
        return result.Succeeded ? result.Output.TrimEnd() : result.Reason;
    }

    private async Task<string> RequireAsync(IReadOnlyList<string> arguments, CancellationToken cancel, string? input = null)
    {
        var (code, output, error) = await lab.KubectlAsync(arguments, cancel, input);
        return code == 0 ? output : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)}: {error.Trim()}");
    }

    private static string Host(string address) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
}
