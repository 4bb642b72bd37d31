using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Serving.Protobuf;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>Reads the document a request carries, JSON, YAML or the protobuf of built-in kinds.</summary>
internal static class RequestBody
{
    private const int LimitBytes = 8 << 20;

    public static async Task<JsonNode?> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, cancel);
        if (buffer.Length > LimitBytes) throw new ApiException(413, "RequestEntityTooLarge", $"limit is {LimitBytes}");
        if (buffer.Length == 0) return null;
        var body = buffer.ToArray();
        return ProtobufReader.Matches(body) ? ProtobufReader.Read(body) : Parse(body);
    }

    public static async Task<JsonObject> ReadObjectAsync(HttpRequest request, CancellationToken cancel) =>
        await ReadAsync(request, cancel) as JsonObject ?? throw ApiException.BadRequest("the request needs an object as its body");

    public static JsonNode? Parse(byte[] body)
    {
        try
        {
            return JsonAccess.ParseComplete(body);
        }
        catch (Exception notJson) when (notJson is JsonException or ArgumentException)
        {
            try
            {
                return YamlReader.Read(Encoding.UTF8.GetString(body));
            }
            catch (FormatException)
            {
                throw ApiException.BadRequest($"couldn't parse the request body: {notJson.Message}");
            }
        }
    }
}
