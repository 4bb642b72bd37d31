using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Writing;

/// <summary>Typed requests for single objects.</summary>
/// <remarks>Thread-safe. Refusals are <see cref="KubernetesException"/>, except that an absent object is null or false.</remarks>
internal sealed class KubernetesObjects(KubernetesConnection connection)
{
    public const string MergePatch = "application/merge-patch+json";
    public const string StrategicMergePatch = "application/strategic-merge-patch+json";
    private const int ConflictAttempts = 5;

    public TimeProvider Time => connection.Time;

    /// <summary>The present time as the API server writes times.</summary>
    public string Now() => connection.Time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public async Task<T?> GetAsync<T>(Resource resource, NamespacedName name, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            using var body = await connection.SendAsync(HttpMethod.Get, resource.ObjectPath(name), default, null, cancellationToken);
            return JsonSerializer.Deserialize(body.Span, type);
        }
        catch (KubernetesException exception) when (exception.IsNotFound)
        {
            return null;
        }
    }

    public async Task<List<T>> ListAsync<T>(Resource resource, string query, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        var items = new List<T>();
        var next = "";
        do
        {
            var path = $"{resource.CollectionPath("")}?limit=500{query}{(next.Length > 0 ? $"&continue={Uri.EscapeDataString(next)}" : "")}";
            var page = await connection.ListAsync(
                path,
                item =>
                {
                    if (JsonSerializer.Deserialize(item, type) is { } decoded)
                    {
                        items.Add(decoded);
                    }
                },
                cancellationToken);
            next = page.Continue ?? "";
        }
        while (next.Length > 0);
        return items;
    }

    public Task<T> CreateAsync<T>(Resource resource, string inNamespace, T value, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, resource.CollectionPath(inNamespace), null, value, type, type, cancellationToken);

    public Task<T> UpdateAsync<T>(Resource resource, NamespacedName name, T value, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, resource.ObjectPath(name), null, value, type, type, cancellationToken);

    /// <returns>The object after the patch, or null when it is absent.</returns>
    public async Task<T?> PatchAsync<T>(
        Resource resource, NamespacedName name, string subresource, string patchType, T value, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            var path = resource.ObjectPath(name) + (subresource.Length == 0 ? "" : $"/{subresource}");
            return await SendAsync(HttpMethod.Patch, path, patchType, value, type, type, cancellationToken);
        }
        catch (KubernetesException exception) when (exception.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>
    /// Reads, decides and writes; starts again when somebody else wrote in between. The change gives the patch, which must carry the
    /// resource version that was read, or null when nothing is to do.
    /// </summary>
    /// <returns>False when the object is absent.</returns>
    public async Task<bool> ChangeAsync<T>(
        Resource resource,
        NamespacedName name,
        string subresource,
        JsonTypeInfo<T> type,
        Func<T, T?> change,
        CancellationToken cancellationToken)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await GetAsync(resource, name, type, cancellationToken) is not { } present)
            {
                return false;
            }

            if (change(present) is not { } patch)
            {
                return true;
            }

            try
            {
                return await PatchAsync(resource, name, subresource, MergePatch, patch, type, cancellationToken) is not null;
            }
            catch (KubernetesException exception) when (exception.IsConflict && attempt < ConflictAttempts)
            {
                // Decide again on what is there now.
            }
        }
    }

    /// <param name="resource">The kind.</param>
    /// <param name="name">The object.</param>
    /// <param name="uid">Only the object with this uid is deleted; null for any.</param>
    /// <param name="resourceVersion">Only this version of the object is deleted; null for any.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>False when the object was absent, or another one than the preconditions ask for.</returns>
    public async Task<bool> DeleteAsync(
        Resource resource, NamespacedName name, string? uid, string? resourceVersion, CancellationToken cancellationToken)
    {
        var options = new DeleteOptionsWire
        {
            ApiVersion = "v1",
            Kind = "DeleteOptions",
            Preconditions = uid is null && resourceVersion is null ? null : new PreconditionsWire { Uid = uid, ResourceVersion = resourceVersion },
        };
        try
        {
            var content = JsonSerializer.SerializeToUtf8Bytes(options, WireJson.Default.DeleteOptionsWire);
            using var body = await connection.SendAsync(HttpMethod.Delete, resource.ObjectPath(name), content, null, cancellationToken);
            return true;
        }
        catch (KubernetesException exception) when (exception.IsNotFound || exception.IsConflict)
        {
            return false;
        }
    }

    private async Task<TOut> SendAsync<TIn, TOut>(
        HttpMethod method, string path, string? contentType, TIn value, JsonTypeInfo<TIn> inType, JsonTypeInfo<TOut> outType, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            JsonSerializer.Serialize(writer, value, inType);
        }

        using var body = await connection.SendAsync(method, path, buffer.WrittenMemory, contentType, cancellationToken);
        return JsonSerializer.Deserialize(body.Span, outType) ?? throw new JsonException($"{method} {path}: the answer is null");
    }
}
