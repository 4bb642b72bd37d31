using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Nodes;

/// <summary>The environment variables of a container.</summary>
internal static class ContainerEnvironment
{
    public static Dictionary<string, string> Of(ClusterState state, LabLayout layout, JsonObject pod, JsonNode container)
    {
        var result = new Dictionary<string, string>
        {
            ["PATH"] = $"{layout.Binaries}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ["HOME"] = "/root",
            ["HOSTNAME"] = pod.Text("spec", "hostname") ?? pod.Name(),
        };
        if (state.Store.Get(BuiltInKinds.Services, "default", "kubernetes")?.Json is { } api)
        {
            result["KUBERNETES_SERVICE_HOST"] = api.TextOr("", "spec", "clusterIP");
            result["KUBERNETES_SERVICE_PORT"] = "443";
        }

        foreach (var source in container.Items("envFrom"))
        {
            var data = Data(state, pod, source.Members("configMapRef"), BuiltInKinds.ConfigMaps, "data");
            foreach (var (key, value) in data ?? []) result[source.TextOr("", "prefix") + key] = value.Display();
        }

        foreach (var variable in container.Items("env"))
        {
            var name = variable.TextOr("", "name");
            if (name.Length > 0) result[name] = Expand(variable.Text("value") ?? FromReference(state, pod, variable.At("valueFrom")), result);
        }

        return result;
    }

    /// <summary>Replaces <c>$(NAME)</c> by variables that are known.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        foreach (var (name, value) in variables) text = text.Replace($"$({name})", value, StringComparison.Ordinal);
        return text;
    }

    private static string FromReference(ClusterState state, JsonObject pod, JsonNode? source)
    {
        if (source.Text("fieldRef", "fieldPath") is { } path) return Field(pod, path);
        if (source.Members("configMapKeyRef") is { } map)
            return Data(state, pod, map, BuiltInKinds.ConfigMaps, "data").TextOr("", map.TextOr("", "key"));
        if (source.Members("secretKeyRef") is { } secret)
        {
            var encoded = Data(state, pod, secret, BuiltInKinds.Secrets, "data").TextOr("", secret.TextOr("", "key"));
            var bytes = new byte[encoded.Length];
            return Convert.TryFromBase64String(encoded, bytes, out var length) ? System.Text.Encoding.UTF8.GetString(bytes, 0, length) : "";
        }

        return "";
    }

    private static string Field(JsonObject pod, string path) => path switch
    {
        _ when path.StartsWith("metadata.labels['", StringComparison.Ordinal) => pod.Labels().TextOr("", path["metadata.labels['".Length..].TrimEnd(']').TrimEnd('\'')),
        "status.podIPs" => string.Join(",", pod.Items("status", "podIPs").Select(ip => ip.TextOr("", "ip"))),
        _ => pod.At(path.Split('.')).Display(),
    };

    private static JsonObject? Data(ClusterState state, JsonObject pod, JsonObject? reference, ResourceId resource, string member) =>
        reference is null ? null : state.Store.Get(resource, pod.Namespace(), reference.TextOr("", "name"))?.Json.Members(member);
}
