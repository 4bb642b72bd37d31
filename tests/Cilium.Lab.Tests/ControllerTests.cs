using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Controllers;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

/// <summary>The controllers against the store, with a node that says at once that its pods run.</summary>
public sealed class ControllerTests : IAsyncDisposable
{
    private const string Deployment = """
        {"metadata":{"name":"web"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},
        "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"nginx","ports":[{"name":"http","containerPort":8080}]}]}}}}
        """;

    private readonly CancellationTokenSource ending = new();
    private readonly ClusterState state = TestCluster.Create();
    private readonly Task running;
    private int nextAddress;

    public ControllerTests()
    {
        var controllers = new ControllerSet(state, ClusterNetwork.For(true, true), "ca");
        controllers.Furnish([new IPEndPoint(IPAddress.Parse("172.18.0.2"), 6443)]);
        foreach (var name in (string[])["n1", "n2"])
        {
            state.Create(BuiltInKinds.Nodes, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["kubernetes.io/hostname"] = name } } });
            state.ChangeStatus(BuiltInKinds.Nodes, "", name, status => Metadata.SetConditions(status, Metadata.Condition("Ready", true, "", "", "")));
        }

        var pods = new WorkLoop(state, "test node", [BuiltInKinds.Pods], change => [change.Object.Key], RunPod);
        running = Task.WhenAll(controllers.RunAsync(ending.Token), pods.RunAsync(ending.Token));
    }

    [Fact]
    public async Task A_deployment_becomes_pods_spread_over_the_nodes()
    {
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Available("web") == 3);

        Assert.Equal(2, Pods().Select(pod => pod.Text("spec", "nodeName")).Distinct().Count());
        Assert.Equal("True", Find(BuiltInKinds.Deployments, "web").Items("status", "conditions").First(c => c.Text("type") == "Available").Text("status"));
    }

    [Fact]
    public async Task A_new_template_replaces_the_pods_and_keeps_the_old_set()
    {
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Available("web") == 3);
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"template":{"metadata":{"annotations":{"v":"2"}}}}}""");
        await state.UntilAsync(() => Pods().Count == 3 && Pods().All(pod => pod.Text("metadata", "annotations", "v") == "2") && Available("web") == 3);

        Assert.Equal([0, 3], state.Store.All(BuiltInKinds.ReplicaSets).Select(set => set.Number("spec", "replicas") ?? 0).Order());
        Assert.Equal("2", Find(BuiltInKinds.Deployments, "web").Text("metadata", "annotations", "deployment.kubernetes.io/revision"));
    }

    [Fact]
    public async Task A_paused_deployment_is_scaled_and_keeps_its_template()
    {
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Available("web") == 3);
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"paused":true,"template":{"metadata":{"annotations":{"v":"2"}}}}}""");
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"replicas":5}}""");
        await state.UntilAsync(() => Available("web") == 5);
        Assert.All(Pods(), pod => Assert.Null(pod.Text("metadata", "annotations", "v")));

        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"replicas":0}}""");
        await state.UntilAsync(() => Pods().Count == 0);
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"replicas":2}}""");
        await state.UntilAsync(() => Available("web") == 2);
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"paused":false}}""");
        await state.UntilAsync(() => Pods().Count == 2 && Pods().All(pod => pod.Text("metadata", "annotations", "v") == "2") && Available("web") == 2);
    }

    [Fact]
    public async Task A_deployment_that_is_paused_amid_a_rollout_is_scaled_in_proportion()
    {
        state.Create(BuiltInKinds.Deployments, Deployment.Replace("\"replicas\":3", "\"replicas\":8,\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":2}}", StringComparison.Ordinal));
        await state.UntilAsync(() => Available("web") == 8);
        // The pods of the second template never get ready.
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"template":{"metadata":{"annotations":{"never":"ready"}}}}}""");
        await state.UntilAsync(() => Sizes() is [2, 6]);
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"paused":true}}""");
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"replicas":16}}""");
        await state.UntilAsync(() => Sizes() is [4, 12]);
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"replicas":0}}""");
        await state.UntilAsync(() => Sizes() is [0, 0] && Pods().Count == 0);

        List<long> Sizes() => [.. state.Store.All(BuiltInKinds.ReplicaSets).Select(set => set.Number("spec", "replicas") ?? 0).Order()];
    }

    [Fact]
    public async Task A_rollout_that_stands_still_has_failed_when_its_deadline_is_over_and_may_still_succeed()
    {
        state.Create(BuiltInKinds.Deployments, Deployment.Replace("\"replicas\":3", "\"replicas\":3,\"progressDeadlineSeconds\":1", StringComparison.Ordinal));
        await state.UntilAsync(() => Progress() == "True NewReplicaSetAvailable");
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"template":{"metadata":{"annotations":{"never":"ready"}}}}}""");
        await state.UntilAsync(() => Progress() == "False ProgressDeadlineExceeded");
        // As a client sees it that waits for the rollout.
        Assert.Equal(Find(BuiltInKinds.Deployments, "web").Number("metadata", "generation"), Find(BuiltInKinds.Deployments, "web").Number("status", "observedGeneration"));

        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"template":{"metadata":{"annotations":{"never":null}}}}}""");
        await state.UntilAsync(() => Progress() == "True NewReplicaSetAvailable");

        string Progress() => Find(BuiltInKinds.Deployments, "web").Items("status", "conditions").Where(condition => condition.Text("type") == "Progressing")
            .Select(condition => $"{condition.Text("status")} {condition.Text("reason")}").FirstOrDefault("");
    }

    [Fact]
    public async Task A_paused_deployment_has_no_deadline()
    {
        state.Create(BuiltInKinds.Deployments, Deployment.Replace("\"replicas\":3", "\"replicas\":3,\"paused\":true,\"progressDeadlineSeconds\":1", StringComparison.Ordinal));
        await state.UntilAsync(() => Find(BuiltInKinds.Deployments, "web").Items("status", "conditions").Any(condition => condition.Text("reason") == "DeploymentPaused"));
        state.Patch(BuiltInKinds.Deployments, "web", """{"spec":{"paused":false}}""");
        await state.UntilAsync(() => Available("web") == 3);
    }

    [Fact]
    public async Task Endpoints_follow_the_pods_of_a_service()
    {
        state.Create(BuiltInKinds.Services, """{"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":"http"}]}}""");
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Endpoints().Count(endpoint => endpoint.Flag("conditions", "ready")) == 3);
        Assert.Equal(8080, Slice()!.Items("ports").Single().Number("port"));

        var leaving = Pods()[0];
        state.Delete(BuiltInKinds.Pods, "default", leaving.Name());
        await state.UntilAsync(() => Endpoints().All(endpoint => endpoint.Text("targetRef", "name") != leaving.Name()) && Endpoints().Count == 3);
    }

    [Fact]
    public async Task A_daemon_set_runs_where_its_selector_says()
    {
        state.Create(BuiltInKinds.DaemonSets, """{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"k":"d"}},"template":{"metadata":{"labels":{"k":"d"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}""");
        await state.UntilAsync(() => Find(BuiltInKinds.DaemonSets, "d").Number("status", "numberReady") == 2);
        state.Patch(BuiltInKinds.DaemonSets, "d", """{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"n1"}}}}}""");
        await state.UntilAsync(() => Pods().Count == 1 && Find(BuiltInKinds.DaemonSets, "d").Number("status", "numberReady") == 1);

        Assert.Equal("n1", Pods()[0].Text("spec", "nodeName"));
    }

    [Fact]
    public async Task What_the_deleted_owned_is_deleted()
    {
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Available("web") == 3);
        state.Delete(BuiltInKinds.Deployments, "default", "web");

        await state.UntilAsync(() => Pods().Count == 0 && !state.Store.All(BuiltInKinds.ReplicaSets).Any());
    }

    [Fact]
    public async Task A_deleted_namespace_takes_its_content_along()
    {
        state.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "gone" } });
        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.ServiceAccounts, "gone", "default") is not null);
        state.Delete(BuiltInKinds.Namespaces, "", "gone");

        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.Namespaces, "", "gone") is null);
        Assert.Empty(state.Store.All(BuiltInKinds.ConfigMaps, "gone"));
    }

    [Fact]
    public async Task A_deleted_namespace_goes_when_the_last_finalizer_in_it_does()
    {
        state.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "gone" } });
        state.Create(BuiltInKinds.Secrets, "gone", (JsonObject)JsonNode.Parse("""{"metadata":{"name":"held","finalizers":["x/y"]}}""")!);
        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.ConfigMaps, "gone", "kube-root-ca.crt") is not null);
        state.Delete(BuiltInKinds.Namespaces, "", "gone");
        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.Secrets, "gone", "held")!.Json.IsDeleting() && !state.Store.All(BuiltInKinds.ServiceAccounts, "gone").Any());
        Assert.NotNull(state.Store.Get(BuiltInKinds.Namespaces, "", "gone"));
        state.Change(BuiltInKinds.Secrets, "gone", "held", secret => secret.Ensure("metadata").Remove("finalizers"));

        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.Namespaces, "", "gone") is null);
    }

    [Fact]
    public async Task A_replaced_namespace_is_emptied_all_the_same_when_it_is_deleted()
    {
        var created = state.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "gone" } });
        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.ConfigMaps, "gone", "kube-root-ca.crt") is not null);
        var kind = state.Catalog.Get(BuiltInKinds.Namespaces);
        var replaced = state.Registry.Update(
            kind, "v1", new ObjectKey(kind.Id, "", "gone"), new JsonObject { ["metadata"] = new JsonObject { ["name"] = "gone" } }, null, Registry.WriteOptions.System);
        Assert.Equal(["kubernetes"], replaced.Items("spec", "finalizers").Select(item => item.Display()));
        Assert.Equal(created.Uid(), replaced.Uid());
        state.Delete(BuiltInKinds.Namespaces, "", "gone");

        await state.UntilAsync(() => state.Store.Get(BuiltInKinds.Namespaces, "", "gone") is null);
        Assert.Empty(state.Store.All(BuiltInKinds.ConfigMaps, "gone"));
    }

    [Fact]
    public async Task A_service_has_a_slice_at_every_moment_of_a_rollout_that_moves_its_port()
    {
        state.Create(BuiltInKinds.Services, """{"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":"http"}]}}""");
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Endpoints().Count(endpoint => endpoint.Flag("conditions", "ready")) == 3);
        using var watch = state.Store.Watch(state.Store.Revision, resource => resource == BuiltInKinds.EndpointSlices);
        var present = Slices().Select(slice => slice.Name()).ToHashSet();
        state.Patch(
            BuiltInKinds.Deployments, "web",
            """{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"nginx","ports":[{"name":"http","containerPort":9090}]}]}}}}""");
        await state.UntilAsync(() => Pods().Count == 3 && Slices() is [var only] && only.Items("ports").Single().Number("port") == 9090 && only.Items("endpoints").Count() == 3);

        var changes = 0;
        while (watch.Changes.TryRead(out var change))
        {
            changes++;
            if (change.Type == ChangeType.Deleted) present.Remove(change.Object.Key.Name);
            else present.Add(change.Object.Key.Name);
            Assert.True(present.Count > 0, $"no slice is left at revision {change.Revision}");
        }

        Assert.NotEqual(0, changes);
    }

    [Fact]
    public async Task A_deletion_in_the_foreground_waits_for_the_dependents_of_the_dependents()
    {
        state.Create(BuiltInKinds.Deployments, Deployment);
        await state.UntilAsync(() => Available("web") == 3);
        var held = Pods()[0].Name();
        state.Change(BuiltInKinds.Pods, "default", held, pod => pod.Ensure("metadata")["finalizers"] = new JsonArray("x/y"));
        state.Delete(BuiltInKinds.Deployments, "default", "web", new Registry.DeleteOptions { Propagation = "Foreground" });
        await state.UntilAsync(() => Pods() is [var last] && last.IsDeleting());
        Assert.True(Assert.Single(state.Store.All(BuiltInKinds.ReplicaSets)).IsDeleting());
        Assert.True(Find(BuiltInKinds.Deployments, "web").IsDeleting());
        state.Change(BuiltInKinds.Pods, "default", held, pod => pod.Ensure("metadata")["finalizers"] = pod.Items("metadata", "finalizers")
            .Where(item => item.Display() != "x/y").Select(item => item.DeepClone()).ToJsonArray());

        await state.UntilAsync(() => Find(BuiltInKinds.Deployments, "web") is null);
        Assert.Empty(Pods());
        Assert.Empty(state.Store.All(BuiltInKinds.ReplicaSets));
    }

    [Fact]
    public async Task A_deletion_in_the_foreground_leaves_what_another_owns_too()
    {
        var owners = new[] { "a", "b" }.Select(name => state.Create(BuiltInKinds.Secrets, $$$"""{"metadata":{"name":"{{{name}}}"}}""")).ToList();
        state.Create(BuiltInKinds.ConfigMaps, "default", new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["name"] = "shared",
                ["ownerReferences"] = new JsonArray(Metadata.OwnerReference(owners[0]), Metadata.OwnerReference(owners[1])),
            },
        });
        state.Delete(BuiltInKinds.Secrets, "default", "a", new Registry.DeleteOptions { Propagation = "Foreground" });
        await state.UntilAsync(() => Find(BuiltInKinds.Secrets, "a") is null);

        var shared = Find(BuiltInKinds.ConfigMaps, "shared");
        Assert.Equal(owners[1].Uid(), Assert.Single(shared.Items("metadata", "ownerReferences")).Text("uid"));
        state.Delete(BuiltInKinds.Secrets, "default", "b", new Registry.DeleteOptions { Propagation = "Foreground" });
        await state.UntilAsync(() => Find(BuiltInKinds.ConfigMaps, "shared") is null && Find(BuiltInKinds.Secrets, "b") is null);
    }

    [Fact]
    public async Task What_the_server_refuses_does_not_end_the_collection_of_garbage()
    {
        var owner = state.Create(BuiltInKinds.Secrets, """{"metadata":{"name":"owner"}}""");
        // This namespace may not be deleted.
        state.Change(BuiltInKinds.Namespaces, "", "default", item => item.Ensure("metadata")["ownerReferences"] = new JsonArray(Metadata.OwnerReference(owner)));
        Own("owned", owner);
        state.Delete(BuiltInKinds.Secrets, "default", "owner");
        await state.UntilAsync(() => Find(BuiltInKinds.ConfigMaps, "owned") is null);

        var next = state.Create(BuiltInKinds.Secrets, """{"metadata":{"name":"next"}}""");
        Own("of-the-next", next);
        state.Delete(BuiltInKinds.Secrets, "default", "next");
        await state.UntilAsync(() => Find(BuiltInKinds.ConfigMaps, "of-the-next") is null);
        Assert.NotNull(state.Store.Get(BuiltInKinds.Namespaces, "", "default"));
    }

    [Fact]
    public async Task A_finalizer_that_could_not_be_taken_off_is_tried_again()
    {
        JsonObject Schema(int minimum) => (JsonObject)JsonNode.Parse(
            """{"type":"object","properties":{"spec":{"type":"object","properties":{"size":{"type":"integer","minimum":MINIMUM}}}}}""".Replace("MINIMUM", $"{minimum}", StringComparison.Ordinal))!;
        void Require(int minimum) => state.Change(
            BuiltInKinds.CustomResourceDefinitions, "", "widgets.example.com", item => item.Items("spec", "versions").First()["schema"] = new JsonObject { ["openAPIV3Schema"] = Schema(minimum) });

        var widgets = new ResourceId("example.com", "widgets");
        state.Create(BuiltInKinds.CustomResourceDefinitions, """
            {"metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},
            "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}
            """);
        Require(0);
        state.Create(widgets, """{"metadata":{"name":"w"},"spec":{"size":3}}""");
        Require(10);
        state.Delete(widgets, "default", "w", new Registry.DeleteOptions { Propagation = "Orphan" });
        // The collector has come by when it has collected what was there later.
        var owner = state.Create(BuiltInKinds.Secrets, """{"metadata":{"name":"owner"}}""");
        Own("owned", owner);
        state.Delete(BuiltInKinds.Secrets, "default", "owner");
        await state.UntilAsync(() => Find(BuiltInKinds.ConfigMaps, "owned") is null);
        Assert.NotNull(Find(widgets, "w"));

        Require(0);
        await state.UntilAsync(() => Find(widgets, "w") is null);
    }

    [Fact]
    public void A_change_to_an_object_whose_kind_is_gone_is_none() =>
        Assert.Null(state.Change(new ResourceId("example.com", "gadgets"), "default", "g", item => item["x"] = 1));

    private void Own(string name, JsonObject owner) => state.Create(BuiltInKinds.ConfigMaps, "default", new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name, ["ownerReferences"] = new JsonArray(Metadata.OwnerReference(owner)) },
    });

    [Theory]
    [InlineData("deleted")]
    [InlineData("ended")]
    public async Task A_waiting_pod_is_looked_at_when_another_makes_room(string how)
    {
        for (var index = 0; index < 500; index++)
            state.Create(BuiltInKinds.Pods, $$$"""{"metadata":{"name":"p{{{index}}}"},"spec":{"nodeName":"n{{{(index % 2) + 1}}}","containers":[{"name":"c","image":"nginx"}]}}""");
        state.Create(BuiltInKinds.Pods, """{"metadata":{"name":"late"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}""");
        await state.UntilAsync(() => Find(BuiltInKinds.Pods, "late").Items("status", "conditions").Any(condition => condition.Text("reason") == "Unschedulable") && Pods().Count(pod => pod.HasCondition("Ready")) == 500);
        if (how == "deleted") state.Delete(BuiltInKinds.Pods, "default", "p0", new Registry.DeleteOptions { GracePeriodSeconds = 0 });
        else state.ChangeStatus(BuiltInKinds.Pods, "default", "p0", status => status["phase"] = "Succeeded");

        await state.UntilAsync(() => Find(BuiltInKinds.Pods, "late").Text("spec", "nodeName") == "n1");
    }

    [Fact]
    public async Task A_controller_that_dies_ends_the_others_and_is_seen()
    {
        var ended = false;
        var others = new TaskCompletionSource();
        async Task LiveAsync(CancellationToken cancel)
        {
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ended = true;
        }

        async Task DieAsync(CancellationToken cancel)
        {
            await others.Task.WaitAsync(cancel);
            throw new InvalidDataException("dead");
        }

        var running = ControllerSet.RunTogetherAsync([LiveAsync, DieAsync], CancellationToken.None);
        others.SetResult();
        Assert.Equal("dead", (await Assert.ThrowsAsync<InvalidDataException>(() => running.WaitAsync(TimeSpan.FromSeconds(20)))).Message);
        Assert.True(ended);
    }

    [Fact]
    public async Task Nodes_have_ranges_of_their_own()
    {
        await state.UntilAsync(() => state.Store.All(BuiltInKinds.Nodes).All(node => node.Items("spec", "podCIDRs").Count() == 2));

        Assert.Equal(2, state.Store.All(BuiltInKinds.Nodes).Select(node => node.Text("spec", "podCIDR")).Distinct().Count());
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ending.Dispose();
    }

    private void RunPod(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } pod || pod.Text("spec", "nodeName") is null) return;
        if (pod.IsDeleting()) state.Delete(key.Resource, key.Namespace, key.Name, new Registry.DeleteOptions { GracePeriodSeconds = 0 });
        else if (!pod.HasCondition("Ready") && pod.Text("metadata", "annotations", "never") is null)
        {
            state.ChangeStatus(key.Resource, key.Namespace, key.Name, status =>
            {
                var address = $"10.0.0.{++nextAddress}";
                status["phase"] = "Running";
                status["podIP"] = address;
                status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = address });
                Metadata.SetConditions(status, Metadata.Condition("Ready", true, "", "", ""));
            });
        }
    }

    private List<JsonObject> Pods() => [.. state.Store.All(BuiltInKinds.Pods)];

    private List<JsonObject> Slices() =>
        [.. state.Store.All(BuiltInKinds.EndpointSlices, "default").Where(slice => slice.Labels().Text("kubernetes.io/service-name") == "web")];

    private JsonObject? Slice() => Slices().FirstOrDefault();

    private List<JsonNode> Endpoints() => [.. Slice().Items("endpoints")];

    private JsonObject? Find(ResourceId resource, string name) => state.Store.Get(resource, "default", name)?.Json;

    private long Available(string name) => Find(BuiltInKinds.Deployments, name).Number("status", "availableReplicas") ?? 0;
}
