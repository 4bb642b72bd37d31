using System.Net;

namespace Cilium.Kubernetes.Tests.Connection;

public sealed class SendJsonTests
{
    [Theory]
    [InlineData("PATCH", "application/merge-patch+json")]
    [InlineData("POST", "application/json")]
    [InlineData("PUT", "application/json")]
    public async Task A_body_is_named_for_what_the_method_makes_of_it(string method, string contentType)
    {
        using var server = new Listener();
        using var connection = new KubernetesConnection(new HttpClient(server), new Uri("http://api.test/"), TimeSpan.FromSeconds(30), TimeProvider.System);
        var answer = await connection.SendJsonAsync(new HttpMethod(method), "apis/example.com/v1/widgets", "{}", TestContext.Current.CancellationToken);
        Assert.Equal((method, contentType, "{}"), server.Heard);
        Assert.Equal("Widget", answer.GetProperty("kind").GetString());
    }

    [Fact]
    public async Task Without_a_body_there_is_none()
    {
        using var server = new Listener();
        using var connection = new KubernetesConnection(new HttpClient(server), new Uri("http://api.test/"), TimeSpan.FromSeconds(30), TimeProvider.System);
        await connection.SendJsonAsync(HttpMethod.Delete, "apis/example.com/v1/widgets", null, TestContext.Current.CancellationToken);
        Assert.Equal(("DELETE", null, null), server.Heard);
    }

    private sealed class Listener : HttpMessageHandler
    {
        public (string Method, string? ContentType, string? Body) Heard { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
            Heard = (request.Method.Method, request.Content?.Headers.ContentType?.ToString(), body);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"kind":"Widget"}""") };
        }
    }
}
