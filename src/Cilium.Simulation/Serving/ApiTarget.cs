namespace Cilium.Simulation.Serving;

/// <summary>What a request of the Kubernetes API is about.</summary>
/// <param name="Resource">The plural name.</param>
/// <param name="Name">The object with its namespace; empty for a collection.</param>
/// <param name="Verb"><c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c>, <c>update</c>, <c>patch</c> or <c>delete</c>, with the subresource behind it.</param>
internal readonly record struct ApiTarget(string Resource, string Name, string Verb)
{
    /// <summary>Whether it changes something.</summary>
    public bool IsWrite => Verb is not ("get" or "list" or "watch");

    public bool IsWatch => Verb == "watch";

    /// <summary>Reads it from the method and from <c>/api/v1/…</c> or <c>/apis/GROUP/VERSION/…</c>.</summary>
    public static ApiTarget Of(HttpRequestMessage request)
    {
        var parts = request.RequestUri!.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var rest = parts.AsSpan(Math.Min(parts.Length, parts is ["api", ..] ? 2 : 3));
        var inNamespace = "";
        if (rest is ["namespaces", var name, _, ..])
        {
            inNamespace = name + "/";
            rest = rest[2..];
        }

        var (resource, about, subresource) = (rest.Length > 0 ? rest[0] : "", rest.Length > 1 ? inNamespace + rest[1] : "", rest.Length > 2 ? " " + rest[2] : "");
        var verb = request.Method.Method switch
        {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ when about.Length > 0 => "get",
            _ => request.RequestUri.Query.Contains("watch=1", StringComparison.Ordinal) ? "watch" : "list",
        };
        return new ApiTarget(resource, about, verb + subresource);
    }
}
