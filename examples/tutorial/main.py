import time

import schedule

from coleta import APICollector, CompraSchema, S3Client

aws = S3Client()


def apiCollector(schema, aws, repeat):
    response = APICollector(schema, aws).start(repeat)
    print("executei")
    return


schedule.every(1).minutes.do(apiCollector, CompraSchema, aws, 50)

while True:
    schedule.run_pending()
    time.sleep(1)
