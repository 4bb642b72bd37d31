using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Wire;

namespace Cilium.Simulation.Serving;

/// <summary>Writes objects to an API server as Kubernetes and its users do. Refusals are <see cref="KubernetesException"/>.</summary>
/// <param name="connection">The way to the server.</param>
internal sealed class ObjectClient(KubernetesConnection connection)
{
    /// <summary>Creates an object.</summary>
    /// <returns>The uid it got.</returns>
    public async Task<string> CreateAsync(Resource resource, string inNamespace, JsonObject value, CancellationToken cancellationToken)
    {
        // A member that is null says something else to some than one that is absent.
        RemoveNulls(value);
        value["apiVersion"] = resource.ApiVersion;
        value["kind"] = resource.Kind;
        return await SendAsync(HttpMethod.Post, resource.CollectionPath(inNamespace), value, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates an object, or replaces the one of its name.</summary>
    public async Task PutAsync(Resource resource, NamespacedName name, JsonObject value, CancellationToken cancellationToken)
    {
        try
        {
            await CreateAsync(resource, name.Namespace, value, cancellationToken).ConfigureAwait(false);
        }
        catch (KubernetesException exception) when (exception.IsAlreadyExists)
        {
            await SendAsync(HttpMethod.Put, resource.ObjectPath(name), value, null, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Changes an object's status.</summary>
    public Task PatchStatusAsync(Resource resource, NamespacedName name, JsonObject patch, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Patch, $"{resource.ObjectPath(name)}/status", patch, "application/merge-patch+json", cancellationToken);

    /// <summary>Deletes an object at once; one that is gone is success.</summary>
    public async Task DeleteAsync(Resource resource, NamespacedName name, CancellationToken cancellationToken)
    {
        try
        {
            await SendAsync(HttpMethod.Delete, resource.ObjectPath(name), new JsonObject { ["gracePeriodSeconds"] = 0 }, null, cancellationToken).ConfigureAwait(false);
        }
        catch (KubernetesException exception) when (exception.IsNotFound)
        {
            return;
        }
    }

    private async Task<string> SendAsync(HttpMethod method, string path, JsonObject value, string? contentType, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
            value.WriteTo(writer);
        using var answer = await connection.SendAsync(method, path, buffer.WrittenMemory, contentType, cancellationToken).ConfigureAwait(false);
        return JsonSerializer.Deserialize(answer.Span, WireJson.Default.MetaOnlyWire)?.Metadata?.Uid ?? "";
    }

    private static void RemoveNulls(JsonNode node)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members.ToList())
            {
                if (value is null)
                    members.Remove(name);
                else
                    RemoveNulls(value);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                if (item is not null)
                    RemoveNulls(item);
            }
        }
    }
}
