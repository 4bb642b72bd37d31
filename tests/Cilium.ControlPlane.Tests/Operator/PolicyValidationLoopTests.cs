using System.Text;
using System.Text.Json.Nodes;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Kubernetes.Tests;
using Cilium.Policy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Operator;

public sealed class PolicyValidationLoopTests : IDisposable
{
    private const string Collection = "apis/cilium.io/v2/namespaces/default/ciliumnetworkpolicies";
    private readonly FakeApiServer _server = new(TimeProvider.System);
    private readonly StateStore _store = new();
    private readonly KubernetesTables _tables;
    private readonly CancellationTokenSource _stop = new();

    public PolicyValidationLoopTests() => _tables = new KubernetesTables(_store);

    public void Dispose()
    {
        _stop.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task An_object_that_never_was_valid_is_told_what_is_wrong_and_a_changed_one_that_a_valid_one_before_stays()
    {
        const string error = "spec.ingress[0].fromEndpoint: unknown field";
        See("new", 1, """{"endpointSelector":{},"ingress":[{"fromEndpoint":[{}]}]}""");
        See("changed", 2, """{"endpointSelector":{},"ingress":[{"fromEndpoint":[{}]}]}""");
        See("valid", 2, """{"endpointSelector":{},"ingress":[{}]}""");
        var running = new PolicyValidationLoop(
            _tables.Policies, new PolicyDecoder(LabelFilter.Default), new PolicyStatusWriter(_server.Connection), TimeProvider.System, new Random(1), NullLogger.Instance)
            .RunAsync(_stop.Token);
        Assert.Equal(("False", "InvalidPolicy", error), await ConditionAsync(running, "new"));
        var (status, reason, message) = await ConditionAsync(running, "changed");
        Assert.Equal(("False", "InvalidPolicy"), (status, reason));
        Assert.StartsWith(error + "; ", message, StringComparison.Ordinal);
        Assert.EndsWith("stays in force where an agent has read it", message, StringComparison.Ordinal);
        Assert.Equal(("True", "", "Policy validation succeeded"), await ConditionAsync(running, "valid"));
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private void See(string name, long generation, string spec)
    {
        var json = $$$"""{"apiVersion":"cilium.io/v2","kind":"CiliumNetworkPolicy","metadata":{"name":"{{{name}}}","namespace":"default","uid":"u"},"spec":{{{spec}}}}""";
        _server.Put($"{Collection}/{name}", (JsonObject)JsonNode.Parse(json)!);
        _store.Write(write => write.Upsert(_tables.Policies, new PolicyObjectRow
        {
            Key = new PolicyObjectKey(PolicyObjectKind.CiliumNetworkPolicy, "default", name),
            Uid = "u",
            Generation = generation,
            Json = EquatableArray.Create<byte>(Encoding.UTF8.GetBytes(json)),
        }));
    }

    private async Task<(string Status, string Reason, string Message)> ConditionAsync(Task running, string name)
    {
        JsonNode? condition = null;
        await Agent.TestTables.UntilAsync(running, () => (condition = _server.Get($"{Collection}/{name}")?["status"]?["conditions"]?[0]) is not null);
        return ((string)condition!["status"]!, (string?)condition["reason"] ?? "", (string)condition["message"]!);
    }
}
