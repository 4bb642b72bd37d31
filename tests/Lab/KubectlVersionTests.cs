using System.Diagnostics;

namespace Cilium.LabTests;

public sealed class KubectlLab() : LabFixture("kubectl", "cluster-pool.yaml", nodes: 1)
{
    /// <summary>kubectl of a minor version, as ./test has fetched it; the test is skipped where it could not be had.</summary>
    public string Versioned(string minor)
    {
        var file = Path.Combine(Root, "artifacts", "kubectl", minor, "kubectl");
        Assert.SkipUnless(File.Exists(file), $"there is no kubectl {minor} at {file}: ./test lab fetches it where npm's registry can be reached");
        return file;
    }
}

/// <summary>The lab's API server with each version of kubectl that is promised: what their users do every day, with the answers of a real cluster.</summary>
public sealed class KubectlVersionTests(KubectlLab lab) : IClassFixture<KubectlLab>
{
    private const string Server = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: server
          labels: { app: server }
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: web
            image: nginx
            ports:
            - containerPort: 80
        """;

    public static TheoryData<string> Versions => ["1.31", "1.32", "1.33"];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Objects_are_made_changed_compared_and_removed(string minor)
    {
        var kubectl = new Kubectl(lab, minor);
        var shop = "shop-" + minor.Replace('.', '-');
        Assert.Contains($"Client Version: v{minor}.", await kubectl.RunAsync("version"), StringComparison.Ordinal);

        await kubectl.RunAsync("create", "namespace", shop);
        Assert.Contains("deployment.apps/web created", await kubectl.RunAsync("-n", shop, "create", "deployment", "web", "--image=nginx", "--replicas=2"), StringComparison.Ordinal);
        await kubectl.RunAsync("-n", shop, "rollout", "status", "deployment/web", "--timeout=60s");
        await kubectl.RunAsync("-n", shop, "expose", "deployment", "web", "--port=80");
        await kubectl.RunAsync("-n", shop, "scale", "deployment", "web", "--replicas=3");
        await kubectl.RunAsync("-n", shop, "wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=60s");
        var table = await kubectl.RunAsync("-n", shop, "get", "deployments");
        Assert.Matches(@"NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +3/3 +3 +3 ", table);

        await kubectl.RunAsync("-n", shop, "set", "image", "deployment/web", "nginx=nginx:1.27");
        await kubectl.RunAsync("-n", shop, "rollout", "status", "deployment/web", "--timeout=60s");
        await LabFixture.EventuallyAsync(
            () => kubectl.RunAsync("-n", shop, "get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}"), images => images == "nginx:1.27 nginx:1.27 nginx:1.27");

        await kubectl.RunAsync("-n", shop, "patch", "service", "web", "--type=json", "-p", """[{"op":"add","path":"/metadata/labels/by","value":"json"}]""");
        await kubectl.RunAsync("-n", shop, "patch", "service", "web", "--type=merge", "-p", """{"metadata":{"labels":{"and":"merge"}}}""");
        await kubectl.RunAsync("-n", shop, "patch", "service", "web", "-p", """{"spec":{"ports":[{"port":81,"name":"more"},{"port":80,"name":"web"}]}}""");
        await kubectl.RunAsync("-n", shop, "label", "service", "web", "and-");
        await kubectl.RunAsync("-n", shop, "annotate", "service", "web", "note=kept");
        Assert.Equal("json  81,80 kept", await kubectl.RunAsync(
            "-n", shop, "get", "service", "web", "-o", "go-template={{.metadata.labels.by}} {{with .metadata.labels.and}}{{.}}{{end}} {{range $i, $p := .spec.ports}}{{if $i}},{{end}}{{$p.port}}{{end}} {{.metadata.annotations.note}}"));
        Assert.Contains("Selector:", await kubectl.RunAsync("-n", shop, "describe", "service", "web"), StringComparison.Ordinal);

        Assert.Contains($"namespace \"{shop}\" deleted", await kubectl.RunAsync("delete", "namespace", shop, "--wait"), StringComparison.Ordinal);
        Assert.Equal("", await kubectl.RunAsync("get", "namespace", shop, "--ignore-not-found"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Custom_resources_are_applied_by_client_and_by_server(string minor)
    {
        var kubectl = new Kubectl(lab, minor);
        var policy = lab.Walk("policy.yaml");

        Assert.Contains("endpointSelector", await kubectl.RunAsync("explain", "ciliumnetworkpolicies.spec"), StringComparison.Ordinal);
        Assert.Contains(" created", await kubectl.RunAsync("apply", "-f", policy), StringComparison.Ordinal);
        Assert.Contains(" unchanged", await kubectl.RunAsync("apply", "-f", policy), StringComparison.Ordinal);
        Assert.Contains(" serverside-applied", await kubectl.RunAsync("apply", "--server-side", "--force-conflicts", "-f", policy), StringComparison.Ordinal);
        Assert.Equal(0, (await kubectl.TryAsync(null, "diff", "-f", policy)).ExitCode);

        var changed = (await File.ReadAllTextAsync(policy, TestContext.Current.CancellationToken)).Replace("\"80\"", "\"81\"", StringComparison.Ordinal);
        var (differs, difference, _) = await kubectl.TryAsync(changed, "diff", "-f", "-");
        Assert.Equal(1, differs);
        Assert.Matches("(?m)^\\+.*\"?81\"?$", difference);
        var (refused, _, error) = await kubectl.TryAsync(changed.Replace("endpointSelector", "endpointSelecter", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.Equal(1, refused);
        Assert.Contains("unknown field \"spec.endpointSelecter\"", error, StringComparison.Ordinal);

        Assert.Matches("NAME +AGE +VALID\n", await kubectl.RunAsync("get", "ciliumnetworkpolicies"));
        await kubectl.RunAsync("delete", "-f", policy);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task What_runs_in_a_pod_is_reached(string minor)
    {
        var kubectl = new Kubectl(lab, minor);
        var pod = Server.Replace("name: server", "name: server-" + minor.Replace('.', '-'), StringComparison.Ordinal);
        var name = "server-" + minor.Replace('.', '-');
        Assert.Contains($"pod/{name} created", await kubectl.RunWithInputAsync(pod, "apply", "-f", "-"), StringComparison.Ordinal);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod", name, "--timeout=60s");

        var (code, output, _) = await kubectl.TryAsync("said by the client", "exec", "-i", name, "--", "sh", "-c", "cat; exit 7");
        Assert.Equal((7, "said by the client"), (code, output));
        // kubectl cuts the input into messages of 32 KiB and a byte.
        Assert.Equal("200000", (await kubectl.RunWithInputAsync(new string('x', 200_000), "exec", "-i", name, "--", "wc", "-c")).Trim());
        Assert.Equal("200", await kubectl.RunAsync("exec", name, "--", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://localhost"));
        await LabFixture.EventuallyAsync(() => kubectl.RunAsync("logs", name, "--tail=5"), log => log.Contains("GET / HTTP/1.1", StringComparison.Ordinal));
        var copied = Path.Combine(Path.GetTempPath(), $"cilium-kubectl-{minor}");
        await kubectl.RunAsync("cp", $"{name}:/etc/hostname", copied);
        Assert.Equal(name + "\n", await File.ReadAllTextAsync(copied, TestContext.Current.CancellationToken));
        File.Delete(copied);

        await ForwardsUntilThePodIsGoneAsync(kubectl, name);
    }

    /// <summary>A forwarded port answers; when the pod has gone, the next connection is refused with a reason and kubectl ends.</summary>
    private static async Task ForwardsUntilThePodIsGoneAsync(Kubectl kubectl, string pod)
    {
        using var forwarding = kubectl.Start("port-forward", "pod/" + pod, ":80");
        try
        {
            var error = forwarding.StandardError.ReadToEndAsync(CancellationToken.None);
            var line = await forwarding.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.Matches("^Forwarding from 127.0.0.1:[0-9]+ -> 80$", line);
            var url = "http://" + line!.Split(' ')[2];
            Assert.Equal("200", await LabFixture.RunAsync("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "30", url));

            await kubectl.RunAsync("delete", "pod", pod, "--wait");
            var watch = Stopwatch.GetTimestamp();
            using var client = Process.Start(new ProcessStartInfo("curl", ["-s", "--max-time", "120", url]))!;
            await client.WaitForExitAsync(TestContext.Current.CancellationToken);
            await forwarding.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, client.ExitCode);
            Assert.True(Stopwatch.GetElapsedTime(watch) < TimeSpan.FromSeconds(60), "the connection hung");
            Assert.Equal(1, forwarding.ExitCode);
            Assert.Contains("lost connection to pod", await error, StringComparison.Ordinal);
        }
        finally
        {
            if (!forwarding.HasExited) forwarding.Kill();
        }
    }

    /// <summary>One version of kubectl, with the lab's kubeconfig.</summary>
    private sealed class Kubectl(KubectlLab lab, string minor)
    {
        private readonly string _file = lab.Versioned(minor);

        public Process Start(params string[] arguments) =>
            Process.Start(new ProcessStartInfo(_file, ["--kubeconfig", lab.Lab.KubeconfigFile, .. arguments])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;

        public Task<string> RunAsync(params string[] arguments) => RunWithInputAsync(null, arguments);

        public async Task<string> RunWithInputAsync(string? input, params string[] arguments)
        {
            var (code, output, error) = await TryAsync(input, arguments);
            Assert.True(code == 0, $"kubectl {minor} {string.Join(' ', arguments)}: exit {code}\n{output}{error}");
            return output;
        }

        public async Task<(int ExitCode, string Output, string Error)> TryAsync(string? input, params string[] arguments)
        {
            using var process = Start(arguments);
            var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(CancellationToken.None);
            return (process.ExitCode, await output, await error);
        }
    }
}
